-- title: Events by name
-- about: >
--   How often each event came within `days`, from how many persons, first and last. Anonymous visitors are persons too.
-- params: {days: 7}
SELECT
    event,
    count() AS events,
    uniqExact(person_id) AS persons,
    min(timestamp) AS first_at,
    max(timestamp) AS last_at
FROM events
WHERE {in_days}
    AND {customer}
GROUP BY event
ORDER BY events DESC, event
