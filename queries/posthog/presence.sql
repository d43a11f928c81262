-- title: Presence per e-mail
-- about: How much somebody did in the product within the window, on how many days, and when last.
-- key: [email, account_id, organization]
-- params: {days: 30}
-- facts:
--   events_recent: {label: events in the window, type: int, absent: 0}
--   active_days: {label: days with an event, type: int, absent: 0, merge: max}
--   sessions_recent: {label: sessions in the window, type: int, absent: 0}
--   last_event_at: {label: last event, type: time}
SELECT
    {event_key} AS {key},
    count() AS events_recent,
    count(DISTINCT toDate(timestamp)) AS active_days,
    uniqExactIf($session_id, $session_id != '') AS sessions_recent,
    max(timestamp) AS last_event_at
FROM {keyed_events}
WHERE {in_days}
    AND {event_key} IS NOT NULL
    AND {customer}
GROUP BY {key}
