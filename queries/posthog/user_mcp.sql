-- title: MCP servers that one person clicked
-- about: Each server with how often, first and last.
-- params: {email: {type: text}}
SELECT
    properties.template_name AS server,
    count() AS clicks,
    min(timestamp) AS first_at,
    max(timestamp) AS last_at
FROM events
WHERE event = 'mcp_connect_clicked'
    AND lower(trim(person.properties.email)) = {email}
    AND timestamp <= toDateTime({as_of})
GROUP BY server
ORDER BY clicks DESC, server
