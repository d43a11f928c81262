-- title: Lifecycle
-- about: >
--   How many persons were new, returning, resurrecting or dormant in each period, as PostHog counts. New: active in the
--   period in which the person was created. Returning: active in the one before, too. Resurrecting: active otherwise.
--   Dormant: active in the period before, and not in this one. Active is an event of `event`, any when it is empty.
--   Periods are numbered from that of `origin` on; `before` is the begin of the one before it.
-- params:
--   event: {type: text, default: ""}
--   before: {type: timestamp}
--   interval: day
--   sundays: false
--   origin: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
--   everyone: true
--   people: {type: list, default: [""]}
--   breakdown: usertrack_no_breakdown
--   of_person: false
--   top: 5
WITH
acts AS (
    SELECT
        person_id,
        timestamp,
        lowerUTF8(trim(person.properties.email)) AS email,
        nullIf(toString(if({of_person}, person.properties[{breakdown}], properties[{breakdown}])), '') AS group_of,
        toTimeZone(toDateTime({origin}), {timezone}) AS origin,
        -- a Sunday's week is the Monday's of the day after
        if(
            {sundays},
            dateDiff('week', addDays(origin, 1), addDays(toTimeZone(timestamp, {timezone}), 1)),
            dateDiff({interval}, origin, toTimeZone(timestamp, {timezone}))
        ) AS period,
        if(
            {sundays},
            dateDiff('week', addDays(origin, 1), addDays(toTimeZone(person.created_at, {timezone}), 1)),
            dateDiff({interval}, origin, toTimeZone(person.created_at, {timezone}))
        ) AS born
    FROM events
    WHERE timestamp >= toDateTime({before})
        AND timestamp < toDateTime({until})
        AND (empty({event}) OR has(splitByChar('|', {event}), event))
        AND {where}
        AND ({everyone} OR email IN {people})
        AND NOT arrayExists(
            own -> email = own
                OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own)))),
            {internal}
        )
),
people AS (
    SELECT
        person_id,
        any(born) AS created,
        argMinIf(group_of, timestamp, isNotNull(group_of)) AS value,
        arraySort(groupUniqArray(period)) AS active
    FROM acts
    GROUP BY person_id
),
states AS (
    SELECT
        value,
        arrayJoin(arrayConcat(
            arrayMap(
                (p, n) -> tuple(
                    p,
                    multiIf(
                        n = 1 AND created = p, 'new',
                        n > 1 AND active[n - 1] = p - 1, 'returning',
                        'resurrecting'
                    )
                ),
                active,
                arrayEnumerate(active)
            ),
            arrayMap(p -> tuple(p + 1, 'dormant'), arrayFilter(p -> NOT has(active, p + 1), active))
        )) AS state
    FROM people
),
cells AS (
    SELECT value, state.1 AS period, state.2 AS status, count() AS persons
    FROM states
    WHERE period >= 0
    GROUP BY value, period, status
),
sized AS (
    SELECT value, period, status, persons, sum(persons) OVER (PARTITION BY value) AS size FROM cells
),
ranked AS (
    SELECT value, period, status, persons, dense_rank() OVER (ORDER BY size DESC, value ASC) AS place FROM sized
)
SELECT
    if(place <= {top}, value, NULL) AS group_value,
    least(place, {top} + 1) AS group_rank,
    period,
    status,
    sum(persons) AS people
FROM ranked
GROUP BY group_value, group_rank, period, status
ORDER BY group_rank, period, status
