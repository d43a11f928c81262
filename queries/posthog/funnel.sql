-- title: Funnel, in order
-- about: >
--   How many persons reached each step of a funnel, as PostHog counts: every first step opens an attempt, each next step
--   must come within `window` seconds of that first one, one event never fills two steps, and the furthest attempt
--   counts, of several the one that got there first. An event of `exclusions` after the first step and before the last
--   takes the person out, if it struck the furthest attempt. `strict`: any other event in between ends an attempt. A step
--   is an event, or several with | between them, or any if it is empty, that fulfils the condition at the same place in
--   `conditions`. Times between steps are in seconds. `open`: stopped there, but the window is not over. With `each`
--   above 0 the rows are the persons who stopped at that step. `group_values`: how many values the breakdown has.
--   `bucket` is -1 for all the time. With `trend` there are rows for each bucket of `interval`, too, numbered from that of
--   `origin`: the funnel of the attempts that a first step of that bucket opened, so a person counts in each they began in.
-- params:
--   steps: {type: list}
--   conditions: {type: conditions}
--   exclusions: {type: list, default: []}
--   strict: false
--   window: 1209600
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
--   each: 0
--   trend: false
--   interval: week
--   sundays: false
--   origin: {type: timestamp}
WITH
-- which steps each event can fill, and before which steps it is an exclusion, as negative numbers
candidates AS (
    SELECT
        person_id, timestamp, {event_group} AS group_of,
        arrayMap(step -> step - 0, arrayEnumerate({steps})) AS numbers,
        arrayFilter(
            n -> ({steps}[n] = '' OR has(splitByChar('|', {steps}[n]), event)) AND ifNull({conditions}[n], false),
            numbers
        ) AS fills,
        if(has({exclusions}, event), arrayMap(n -> 0 - n, arrayPopFront(numbers)), []) AS excludes,
        arrayConcat(fills, excludes) AS matched
    FROM events
    WHERE timestamp >= toDateTime({since})
        AND timestamp < toDateTime({until})
        AND {where}
        AND (
            {strict}
            OR has({steps}, '')
            OR has({exclusions}, event)
            OR has(splitByChar('|', arrayStringConcat({steps}, '|')), event)
        )
        AND {audience}
),
-- moves (time, step, mark, steps) of events at one time: alike events one after the other, each tried on its last step
-- first; different ones by step, with a bit as mark, so that none is taken twice, and those last (which wins) that fit
-- fewest steps after it. Of alike events no more are kept than they have steps to fill, in an order that is always the
-- same: 63 marks are enough for any number of events at one time. Step 0 ends attempts, if strict
moments AS (
    SELECT
        person_id,
        timestamp AS at,
        any(group_of) AS seen_group,
        toUnixTimestamp64Milli(timestamp) AS ms,
        arraySort(groupArray(matched)) AS all_matches,
        arrayMap(m -> cityHash64(m), all_matches) AS kinds,
        arrayFilter(
            (m, nth) -> nth <= greatest(length(m), 1), all_matches, arrayEnumerateUniq(kinds, kinds)
        ) AS matches,
        arrayMap(m -> if({strict}, arrayPushBack(arrayReverse(m), 0), arrayReverse(m)), matches) AS orders,
        arrayMap((m, o) -> arrayMap(n -> tuple(ms, n, 0, m), o), matches, orders) AS alike,
        arrayMap(m -> arrayFilter(n -> n > 0, m), matches) AS filled,
        arrayMap(e -> bitShiftLeft(toInt(1), least(e, 62)), arrayEnumerate(matches)) AS marks,
        arrayMap((m, mark) -> arrayMap(n -> tuple(ms, n, mark, m), m), filled, marks) AS different,
        if(arrayUniq(matches) = 1, arrayFlatten(alike), arraySort(m -> tuple(m.2, 0 - arrayCount(n -> n > m.2, m.4)), arrayFlatten(different))) AS moves
    FROM candidates
    WHERE {strict} OR notEmpty(matched)
    GROUP BY person_id, timestamp
),
-- in which bucket a first step is: a Sunday's week is the Monday's of the day after; hours are counted out, as clocks may
-- be off by half of one
histories AS (
    SELECT
        person_id AS person,
        argMinIf(seen_group, at, isNotNull(seen_group)) AS value,
        arraySort(moment -> moment.1, groupArray(tuple(at, moves))) AS ordered,
        arrayFlatten(arrayMap(moment -> moment.2, ordered)) AS history,
        toTimeZone(toDateTime({origin}), {timezone}) AS origin,
        if(
            {trend},
            arrayMap(
                m -> if(
                    m.2 = 1,
                    multiIf(
                        {interval} = 'hour',
                        toInt(floor(dateDiff('second', origin, fromUnixTimestamp64Milli(m.1)) / 3600)),
                        {sundays},
                        dateDiff('week', addDays(origin, 1), addDays(toTimeZone(fromUnixTimestamp64Milli(m.1), {timezone}), 1)),
                        dateDiff({interval}, origin, toTimeZone(fromUnixTimestamp64Milli(m.1), {timezone}))
                    ),
                    -1
                ),
                history
            ),
            arrayMap(m -> -1, history)
        ) AS buckets,
        arrayJoin(arrayDistinct(arrayPushFront(buckets, -1))) AS bucket
    FROM moments
    GROUP BY person_id
),
-- what those who began in a bucket did up to the end of their window, and no other first steps; beside each move its place,
-- the place of the last exclusion before it, and the time of the first one after it, or 0
people AS (
    SELECT
        person,
        value,
        bucket,
        1000 * {window} AS allowed,
        if({trend}, arrayFirst((m, b) -> b = bucket, history, buckets).1, 0) AS first_begun,
        if({trend}, arrayLast((m, b) -> b = bucket, history, buckets).1, 0) AS last_begun,
        if(
            {trend},
            arrayFilter(
                (m, b) -> bucket < 0
                    OR (b = bucket OR m.2 != 1) AND m.1 >= first_begun AND m.1 <= last_begun + allowed,
                history,
                buckets
            ),
            history
        ) AS all_moves,
        arrayMap(place -> place - 0, arrayEnumerate(all_moves)) AS places,
        arrayMap((m, place) -> if(m.2 < 0, place, 0), all_moves, places) AS struck_at,
        arrayFill(place -> place > 0, struck_at) AS struck,
        arrayReverseFill(ms -> ms > 0, arrayMap(m -> if(m.2 < 0, m.1, 0), all_moves)) AS strikes
    FROM histories
),
-- step by step, and each step for all moves at once. An attempt is (begin, place and time of its last step, the next
-- exclusion, the marks of the events that it took at that time). Of those that reached a step only the latest can get on:
-- after each move it stands in `seen.1`. `seen.2` has, for each step, the attempts that reached it
attempts AS (
    SELECT
        person,
        value,
        bucket,
        allowed,
        arrayMap((m, place) -> tuple(m.1, place + 1, m.1 - m.1, m.1 - m.1, m.3 - m.3), all_moves, places) AS anywhere,
        arrayFold(
            (seen, step) -> arrayMap(
                reached -> tuple(
                    arrayFill(a -> a.1 > 0, reached),
                    arrayPushBack(seen.2, arrayFilter(a -> a.1 > 0, reached))
                ),
                [
                    arrayMap(
                        (m, place, a, bad, strike) -> if(
                            m.2 = step
                            AND a.1 > 0
                            AND m.1 - a.1 <= allowed
                            AND bad < a.2
                            AND (m.3 = 0 OR a.3 != m.1 OR bitAnd(a.5, m.3) = 0),
                            tuple(a.1, place, m.1, strike, m.3 + if(a.3 = m.1, a.5, 0)),
                            tuple(m.1 - m.1, 0, 0, 0, 0)
                        ),
                        all_moves,
                        places,
                        seen.1,
                        if(
                            {strict},
                            arrayFill(
                                bad -> bad > 0,
                                arrayMap(
                                    (m, place) -> if(m.2 < 0 OR m.2 = 0 AND NOT has(m.4, step - 1), place, 0),
                                    all_moves,
                                    places
                                )
                            ),
                            struck
                        ),
                        strikes
                    )
                ]
            )[1],
            arrayEnumerate({steps}),
            tuple(anywhere, arrayResize([anywhere], 0))
        ).2 AS reached_by
    FROM people
),
-- the first of the furthest attempts that no exclusion struck, and when it reached its steps
furthest AS (
    SELECT
        person,
        value,
        bucket,
        arrayFilter(reached -> notEmpty(reached), reached_by) AS levels,
        arrayFirst(
            a -> length(levels) = length({steps}) OR a.4 = 0 OR a.4 - a.1 > allowed,
            levels[length(levels)]
        ).1 AS begun,
        arrayMap(reached -> arrayFirst(a -> a.1 = begun, reached).3, levels) AS times
    FROM attempts
    WHERE begun > 0
)
{funnel_steps}
