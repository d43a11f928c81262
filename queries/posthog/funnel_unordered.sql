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
--   each: 0
--   trend: false
--   interval: week
--   sundays: false
--   origin: {type: timestamp}
WITH
-- which steps each event can fill
candidates AS (
    SELECT
        person_id, timestamp, {event_group} AS group_of,
        arrayFilter(
            n -> ({steps}[n] = '' OR has(splitByChar('|', {steps}[n]), event)) AND ifNull({conditions}[n], false),
            arrayMap(step -> step - 0, arrayEnumerate({steps}))
        ) AS fills
    FROM events
    WHERE timestamp >= toDateTime({since})
        AND timestamp < toDateTime({until})
        AND {where}
        AND (has({steps}, '') OR has(splitByChar('|', arrayStringConcat({steps}, '|')), event))
        AND {audience}
),
-- in which bucket each move is: a Sunday's week is the Monday's of the day after; hours are counted out, as clocks may be
-- off by half of one. `contested` are the steps that events can fill which can fill others, too
histories AS (
    SELECT
        person_id AS person,
        argMinIf(group_of, timestamp, isNotNull(group_of)) AS value,
        arraySort(m -> m.1, groupArray(tuple(timestamp, toUnixTimestamp64Milli(timestamp), fills))) AS history,
        arrayDistinct(arrayFlatten(arrayMap(m -> m.3, arrayFilter(m -> length(m.3) > 1, history)))) AS contested,
        arraySort(m -> tuple(m.3[1], m.2), history) AS by_step,
        arrayMap(m -> m.3[1], by_step) AS own_steps,
        arrayMap(m -> m.2, by_step) AS own_times,
        arrayMap(step -> step - 0, arrayEnumerate({steps})) AS numbers,
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
-- moves (time, time of the move whose place it takes, or 0). After each, the moves that hold a place are as many as can
-- fill a step each, and of those the latest; so a move counts for all that begins after the one whose place it took. Where
-- no event can fill two steps, that is the last of the same step. Else the move takes the place of the oldest one among
-- those that it can push from step to step: `pushed` is for each step the one from which it is reached, -1 at its own
entries AS (
    SELECT
        person,
        value,
        history,
        buckets,
        if(
            empty(contested),
            arrayMap(
                (step, time, last_step, last_time) -> tuple(time, if(step = last_step, last_time, 0)),
                own_steps,
                own_times,
                arrayPushFront(arrayPopBack(own_steps), 0),
                arrayPushFront(arrayPopBack(own_times), 0)
            ),
            arrayZip(
                arrayMap(m -> m.2, history),
                arrayFold(
                    (seen, m) -> arrayMap(
                        pushed -> arrayMap(
                            path -> tuple(
                                arrayMap(
                                    (place, from, n) -> if(
                                        has(path, n),
                                        if(from < 0, tuple(m.2, m.3), seen.1[greatest(from, 1)]),
                                        place
                                    ),
                                    seen.1,
                                    pushed,
                                    numbers
                                ),
                                arrayPushBack(seen.2, seen.1[path[1]].1)
                            ),
                            [
                                arrayFold(
                                    (path, _) -> if(
                                        pushed[path[length(path)]] > 0,
                                        arrayPushBack(path, pushed[path[length(path)]]),
                                        path
                                    ),
                                    contested,
                                    [arraySort(n -> tuple(seen.1[n].1, n), arrayFilter(n -> pushed[n] != 0, numbers))[1]]
                                )
                            ]
                        )[1],
                        [
                            arrayFold(
                                (pushed, _) -> arrayMap(
                                    (from, n) -> if(
                                        from != 0,
                                        from,
                                        arrayFirst(other -> pushed[other] != 0 AND has(seen.1[other].2, n), numbers)
                                    ),
                                    pushed,
                                    numbers
                                ),
                                arrayPopFront(contested),
                                arrayMap(n -> if(has(m.3, n), n - n - 1, n - n), numbers)
                            )
                        ]
                    )[1],
                    if(empty(contested), arrayResize(history, 0), history),
                    tuple(
                        arrayMap(n -> tuple(n - n, arrayResize([n], 0)), numbers),
                        arrayResize(own_times, 0)
                    )
                ).2
            )
        ) AS moves,
        arrayJoin(arrayDistinct(arrayPushFront(buckets, -1))) AS bucket
    FROM histories
),
-- what was done from the first move of a bucket to the end of the last one's window, and from when to when a window that
-- ends then holds the move, and not the one whose place it took
people AS (
    SELECT
        person,
        value,
        bucket,
        1000 * {window} AS allowed,
        arrayFirst((m, b) -> bucket < 0 OR b = bucket, history, buckets).2 AS first_begun,
        arrayLast((m, b) -> bucket < 0 OR b = bucket, history, buckets).2 AS last_begun,
        arrayFilter(
            m -> m.2 <= m.3,
            arrayMap(
                m -> tuple(m.1, if(m.2 < first_begun, m.1, greatest(m.1, m.2 + allowed + 1)), m.1 + allowed),
                if({trend}, arrayFilter(m -> m.1 >= first_begun AND m.1 <= last_begun + allowed, moves), moves)
            )
        ) AS spans
    FROM entries
),
-- the times of the moves that the first of the windows with the most of them holds
furthest AS (
    SELECT
        person,
        value,
        bucket,
        arraySort(arrayConcat(arrayMap(s -> tuple(s.2, 1), spans), arrayMap(s -> tuple(s.3 + 1, -1), spans))) AS ends,
        arrayCumSum(e -> e.2, ends) AS held,
        arrayMax(held) AS most,
        arrayFirst((e, there) -> there = most, ends, held).1 AS reached_at,
        arraySort(arrayMap(s -> s.1, arrayFilter(s -> s.2 <= reached_at AND s.3 >= reached_at, spans))) AS times
    FROM people
)
{funnel_steps}
