-- title: Connect clicks per e-mail
-- about: Who clicked to connect something (`events.connect_clicked`), how often, and when last.
-- key: [email, account_id, organization]
-- params: {days: 30}
-- facts:
--   connect_clicks: {label: connect clicks, type: int, absent: 0}
--   last_connect_click_at: {label: last connect click, type: time}
SELECT
    {event_key} AS {key},
    count() AS connect_clicks,
    max(timestamp) AS last_connect_click_at
FROM {keyed_events}
WHERE {connect_clicked}
    AND {in_days}
    AND {event_key} IS NOT NULL
    AND {customer}
GROUP BY {key}
