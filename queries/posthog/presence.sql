-- title: Presence per e-mail
-- about: >
--   How much somebody did in the product within the window, on how many days, and when last, be it before the window.
--   `events_recent` are added to rows of Postgres, so that events that tell of the same are not among them.
-- key: [email, account_id, person_id, organization]
-- params: {days: 30}
-- facts:
--   events_recent: {label: events in the window, type: int, absent: 0}
--   active_days: {label: days with an event, type: int, absent: 0, merge: max}
--   sessions_recent: {label: sessions in the window, type: int, absent: 0}
--   last_event_at: {label: last event, type: time}
SELECT
    {event_key} AS {key},
    countIf({in_days} AND NOT {is_copy}) AS events_recent,
    uniqExactIf(toDate(timestamp), {in_days}) AS active_days,
    uniqExactIf($session_id, {in_days} AND $session_id != '') AS sessions_recent,
    max(timestamp) AS last_event_at
FROM {keyed_events}
WHERE timestamp <= toDateTime({as_of})
    AND {event_key} IS NOT NULL
    AND {customer}
GROUP BY {key}
