-- title: Connect clicks of one person
-- about: Each of the {servers}, by the name and the id of its template, with how often, first and last, and whether it signs in by OAuth.
-- params: {email: {type: list}}
SELECT
    properties.template_name AS server,
    properties.template_id AS template_id,
    argMax(properties.has_oauth, timestamp) AS has_oauth,
    count() AS clicks,
    min(timestamp) AS first_at,
    max(timestamp) AS last_at
FROM {keyed_events}
WHERE {connect_clicked}
    AND has({email}, {event_key})
    AND timestamp <= toDateTime({as_of})
    AND {customer}
GROUP BY server, template_id
ORDER BY clicks DESC, server, template_id
