-- title: Stickiness
-- about: >
--   How many persons were active in exactly one, two, … periods, as PostHog counts. Active is an event of `event`, any when
--   it is empty.
-- params:
--   event: {type: list, default: [""]}
--   interval: day
--   origin: {type: timestamp}
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
WITH
acts AS (
    SELECT
        person_id, timestamp, {event_group} AS group_of,
        toTimeZone(toDateTime({origin}), {timezone}) AS origin,
        {bucket} AS period
    FROM events
    WHERE timestamp >= toDateTime({since})
        AND timestamp < toDateTime({until})
        AND (has({event}, '') OR event IN {event})
        AND {where}
        AND {audience}
),
people AS (
    SELECT person_id, argMinIf(group_of, timestamp, isNotNull(group_of)) AS value, uniqExact(period) AS periods
    FROM acts
    GROUP BY person_id
),
cells AS (
    SELECT value, periods, count() AS persons FROM people GROUP BY value, periods
),
sized AS (
    SELECT
        value, periods, persons, sum(persons) OVER (PARTITION BY value) AS size,
        uniqExact(value) OVER () AS values_there
    FROM cells
),
ranked AS (
    SELECT value, periods, persons, values_there, dense_rank() OVER (ORDER BY isNull(value) ASC, size DESC, value ASC) AS place
    FROM sized
)
SELECT
    {group_columns},
    periods,
    sum(persons) AS people,
    any(values_there) AS group_values
FROM ranked
GROUP BY group_value, group_rank, periods
ORDER BY group_rank, periods
