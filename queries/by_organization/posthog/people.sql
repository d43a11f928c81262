-- title: People per organization
-- about: >
--   How many people were seen in the product for each organization within the window. The row without an organization
--   counts those whose events name none; somebody may be in it and in an organization.
-- key: organization
-- people: people_seen
-- params: {days: 365}
-- facts:
--   people_seen: {label: people seen in a year, type: int, absent: 0}
--   first_seen_at: {label: first seen within a year, type: time}
SELECT {event_key} AS {key}, uniqExact(person_id) AS people_seen, min(timestamp) AS first_seen_at
FROM {keyed_events}
WHERE {in_days}
    AND {customer}
GROUP BY {key}
