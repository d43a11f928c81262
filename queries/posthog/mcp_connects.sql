-- title: Connect clicks per e-mail
-- about: Who clicked to connect which {server}, how often, and when last.
-- key: [email, account_id, person_id, organization]
-- params: {days: 30, high_value: []}
-- facts:
--   mcp_clicks: {label: connect clicks, type: int, absent: 0}
--   high_value_clicks: {label: high-value connect clicks, type: int, absent: 0}
--   mcp_servers: {label: "{servers} clicked", type: text}
--   last_mcp_click_at: {label: last connect click, type: time}
SELECT
    {event_key} AS {key},
    count() AS mcp_clicks,
    countIf(arrayExists(server -> lower(server) = lower(properties.template_name), {high_value})) AS high_value_clicks,
    nullIf(arrayStringConcat(arraySort(groupUniqArray(properties.template_name)), ', '), '') AS mcp_servers,
    max(timestamp) AS last_mcp_click_at
FROM {keyed_events}
WHERE {connect_clicked}
    AND {keyed_lately}
GROUP BY {key}
