-- title: Identified people
-- about: How many persons had an event in the window, and how many of them are identified; all others are anonymous visitors.
-- params:
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
SELECT
    uniqExact(person_id) AS people,
    uniqExactIf(person_id, person_id IN (SELECT id FROM persons WHERE {identified})) AS identified
FROM events
WHERE timestamp >= toDateTime({since})
    AND timestamp < toDateTime({until})
    AND {where}
    AND {audience}
