-- title: Stickiness
-- about: >
--   How many persons were active in exactly one, two, … periods, as PostHog counts. Active is an event of `event`, any when
--   it is empty.
-- params:
--   event: {type: list, default: [""]}
--   interval: day
--   sundays: false
--   origin: {type: timestamp}
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
--   everyone: true
--   people: {type: list, default: [""]}
--   group_of: {type: condition, default: "NULL"}
--   top: 5
WITH
acts AS (
    SELECT
        person_id,
        timestamp,
        nullIf(toString({group_of}), '') AS group_of,
        toTimeZone(toDateTime({origin}), {timezone}) AS origin,
        -- a Sunday's week is the Monday's of the day after; hours are counted out, as clocks may be off by half of one
        -- `if` of a constant leaves out what is not asked for
        if(
            {interval} = 'hour',
            toInt(floor(dateDiff('second', origin, timestamp) / 3600)),
            if(
                {sundays},
                dateDiff('week', addDays(origin, 1), addDays(toTimeZone(timestamp, {timezone}), 1)),
                dateDiff({interval}, origin, toTimeZone(timestamp, {timezone}))
            )
        ) AS period
    FROM events
    WHERE timestamp >= toDateTime({since})
        AND timestamp < toDateTime({until})
        AND (has({event}, '') OR event IN {event})
        AND {where}
        AND ({everyone} OR person_id IN (
            SELECT id FROM persons
            WHERE {identified} AND (has({people}, '') OR lowerUTF8(trim(properties.email)) IN {people})
        ))
        AND person_id NOT IN (
            SELECT id
            FROM (SELECT id, lowerUTF8(trim(properties.email)) AS email, {opted_out} AS said_no FROM persons)
            WHERE said_no OR arrayExists(
                own -> email = own
                    OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own)))),
                {internal}
            )
        )
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
    SELECT value, periods, persons, values_there, dense_rank() OVER (ORDER BY size DESC, value ASC) AS place
    FROM sized
)
SELECT
    if(place <= {top}, value, NULL) AS group_value,
    least(place, {top} + 1) AS group_rank,
    periods,
    sum(persons) AS people,
    any(values_there) AS group_values
FROM ranked
GROUP BY group_value, group_rank, periods
ORDER BY group_rank, periods
