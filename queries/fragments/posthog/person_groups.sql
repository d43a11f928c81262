-- title: The groups of people
-- about: >
--   A row per person (`member`) with the `value` of their first event that has one; none at all without a breakdown, which is `grouped`.
-- params: {grouped: false}
SELECT person_id AS member, argMinIf(group_of, timestamp, isNotNull(group_of)) AS value
FROM (
    SELECT person_id, timestamp, {event_group} AS group_of
    FROM events
    WHERE {grouped}
        AND timestamp >= toDateTime({since})
        AND timestamp < toDateTime({until})
        AND {where}
)
GROUP BY person_id
