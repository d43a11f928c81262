-- title: Groups of journeys
-- about: >
--   How many persons have which value of the breakdown: the first that came with a step. The steps are those of
--   posthog/journeys; the `top` most frequent of `group_values` come, and last those without one.
-- params:
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
--   top: 5
WITH
acts AS (
    SELECT
        person_id,
        timestamp,
        {event_group} AS group_of
    FROM events
    WHERE timestamp >= toDateTime({since})
        AND timestamp < toDateTime({until})
        AND {is_journey_step}
        AND {where}
        AND {audience}
),
people AS (
    SELECT person_id, argMinIf(group_of, timestamp, isNotNull(group_of)) AS value FROM acts GROUP BY person_id
),
counted AS (
    SELECT value AS group_value, count() AS persons FROM people GROUP BY group_value
),
ranked AS (
    SELECT
        group_value, persons,
        row_number() OVER (ORDER BY isNull(group_value), persons DESC, group_value) AS place,
        count(group_value) OVER () AS group_values
    FROM counted
)
SELECT group_value, persons, group_values
FROM ranked
WHERE place <= {top} OR isNull(group_value)
ORDER BY place
