-- title: MCP servers that one person clicked
-- about: Each server with how often, first and last.
-- params: {email: {type: text}}
WITH lowerUTF8(trim(person.properties.email)) AS email
SELECT
    properties.template_name AS server,
    count() AS clicks,
    min(timestamp) AS first_at,
    max(timestamp) AS last_at
FROM events
WHERE event = 'mcp_connect_clicked'
    AND email = {email}
    AND timestamp <= toDateTime({as_of})
    AND NOT arrayExists(
        own -> email = own
            OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own)))),
        {internal}
    )
GROUP BY server
ORDER BY clicks DESC, server
