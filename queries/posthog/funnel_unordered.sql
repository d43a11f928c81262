-- title: Funnel, in any order
-- about: >
--   How many persons did one, two, … of the steps of a funnel within `window` seconds of each other, in any order, as
--   PostHog counts: the largest number of different steps at once, of several times the first. One event never fills two
--   steps. A step is an event, or several with | between them, or any if it is empty, that fulfils the
--   condition at the same place in `conditions`. Times between steps are in seconds. `open`: got that far, but the window is not over. With `each` above
--   0 the rows are the persons who got exactly that far. `bucket` is -1 for all the time. With `trend` there are rows for
--   each bucket of `interval`, too, numbered from that of `origin`: what was done within `window` of a step of that bucket.
-- params:
--   steps: {type: list}
--   conditions: {type: conditions}
--   window: 1209600
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
--   everyone: true
--   people: {type: list, default: [""]}
--   breakdown: usertrack_no_breakdown
--   of_person: false
--   top: 5
--   each: 0
--   trend: false
--   interval: week
--   sundays: false
--   origin: {type: timestamp}
WITH
-- which steps each event can fill
candidates AS (
    SELECT
        person_id,
        timestamp,
        lowerUTF8(trim(person.properties.email)) AS email,
        nullIf(toString(if({of_person}, person.properties[{breakdown}], properties[{breakdown}])), '') AS group_of,
        arrayMap(step -> step - 0, arrayEnumerate({steps})) AS numbers,
        arrayFilter(
            n -> ({steps}[n] = '' OR has(splitByChar('|', {steps}[n]), event)) AND ifNull({conditions}[n], false),
            numbers
        ) AS fills
    FROM events
    WHERE timestamp >= toDateTime({since})
        AND timestamp < toDateTime({until})
        AND {where}
        AND (has({steps}, '') OR has(splitByChar('|', arrayStringConcat({steps}, '|')), event))
        AND ({everyone} OR email IN {people})
        AND person_id NOT IN (SELECT id FROM persons WHERE {opted_out})
        AND NOT arrayExists(
            own -> email = own
                OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own)))),
            {internal}
        )
),
-- in which bucket each move is: a Sunday's week is the Monday's of the day after; hours are counted out, as clocks may be
-- off by half of one
histories AS (
    SELECT
        person_id AS person,
        any(email) AS email,
        argMinIf(group_of, timestamp, isNotNull(group_of)) AS value,
        arraySort(m -> m.1, groupArray(tuple(timestamp, toUnixTimestamp64Milli(timestamp), fills))) AS history,
        toTimeZone(toDateTime({origin}), {timezone}) AS origin,
        if(
            {trend},
            arrayMap(
                m -> multiIf(
                    {interval} = 'hour',
                    toInt(floor(dateDiff('second', origin, m.1) / 3600)),
                    {sundays},
                    dateDiff('week', addDays(origin, 1), addDays(toTimeZone(m.1, {timezone}), 1)),
                    dateDiff({interval}, origin, toTimeZone(m.1, {timezone}))
                ),
                history
            ),
            arrayMap(m -> -1, history)
        ) AS buckets
    FROM candidates
    WHERE notEmpty(fills)
    GROUP BY person_id
),
entries AS (
    SELECT person, email, value, history, buckets, arrayJoin(arrayDistinct(arrayPushFront(buckets, -1))) AS bucket
    FROM histories
),
-- what was done from the first move of a bucket to the end of the last one's window
people AS (
    SELECT
        person,
        email,
        value,
        bucket,
        1000 * {window} AS allowed,
        arrayFirst((m, b) -> bucket < 0 OR b = bucket, history, buckets).2 AS first_begun,
        arrayLast((m, b) -> bucket < 0 OR b = bucket, history, buckets).2 AS last_begun,
        if({trend}, arrayFilter(m -> m.2 >= first_begun AND m.2 <= last_begun + allowed, history), history) AS moves,
        arrayResize(arrayMap(m -> m.2, moves), 0) AS never
    FROM entries
),
-- of each step the times that are within the window of the event at hand; beside them the first times of the steps, when
-- most of them had one. An event that fits several steps goes to the one whose last time is the longest ago
furthest AS (
    SELECT
        person,
        email,
        value,
        bucket,
        arrayFold(
            (seen, m) -> arrayMap(
                recent -> tuple(
                    recent,
                    arrayCount(times -> notEmpty(times), recent) > length(seen.2)
                        AND (
                            NOT {trend}
                            OR arrayMin(arrayMap(times -> times[1], arrayFilter(times -> notEmpty(times), recent))) <= last_begun
                        )
                        ? arraySort(arrayMap(times -> times[1], arrayFilter(times -> notEmpty(times), recent)))
                        : seen.2
                ),
                [
                    arrayMap(
                        (times, n) -> arrayFilter(
                            t -> m.2 - t <= allowed,
                            n = arraySort(fit -> arrayMax(seen.1[fit]), m.3)[1] ? arrayPushBack(times, m.2) : times
                        ),
                        seen.1,
                        arrayEnumerate(seen.1)
                    )
                ]
            )[1],
            moves,
            tuple(arrayResize([never], length({steps})), never)
        ).2 AS best
    FROM people
),
sized AS (
    SELECT
        person, email, value, best, bucket,
        sum(if(bucket < 0, 1, 0)) OVER (PARTITION BY value) AS entered,
        uniqExact(value) OVER () AS values_there
    FROM furthest
    WHERE notEmpty(best)
),
ranked AS (
    SELECT person, email, value, best, values_there, bucket, dense_rank() OVER (ORDER BY entered DESC, value ASC) AS place
    FROM sized
),
steps_reached AS (
    SELECT
        if({each} > 0, toString(person), '') AS id,
        if({each} > 0, email, '') AS address,
        if(place <= {top}, value, NULL) AS group_value,
        least(place, {top} + 1) AS group_rank,
        values_there,
        bucket,
        best[1] AS begun,
        length(best) AS reached,
        arrayJoin(arrayEnumerate(best)) AS step,
        best[step] AS ms,
        if(step > 1, ms - best[step - 1], 0) / 1000 AS seconds
    FROM ranked
)
SELECT
    group_value,
    group_rank,
    step,
    id AS person_id,
    address AS email,
    count() AS persons,
    countIf(reached = step AND step < length({steps}) AND begun > toUnixTimestamp64Milli(toDateTime64({until}, 3)) - 1000 * {window}) AS open,
    avgIf(seconds, seconds > 0) AS mean_seconds,
    (medianExactLowIf(seconds, seconds > 0) + medianExactHighIf(seconds, seconds > 0)) / 2 AS median_seconds,
    countIf(step > 1 AND seconds = 0) AS at_once,
    fromUnixTimestamp64Milli(min(ms)) AS first_at,
    any(values_there) AS group_values,
    bucket
FROM steps_reached
WHERE {each} = 0 OR (step = {each} AND reached = {each})
GROUP BY group_value, group_rank, bucket, step, id, address
ORDER BY group_rank, bucket, step, persons DESC, email, person_id
