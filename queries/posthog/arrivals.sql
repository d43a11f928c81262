-- title: Events as they arrive
-- about: >
--   How often each event came in the last `days`, and when it came for the first and the last time of all. An event that
--   came before, and not within `days`, has 0 events.
-- key: event
-- params: {days: 30}
SELECT
    event,
    countIf({in_days}) AS events,
    min(timestamp) AS first_at,
    max(timestamp) AS last_at
FROM events
WHERE timestamp <= toDateTime({as_of})
    AND {customer}
GROUP BY event
ORDER BY event
