-- title: Journeys
-- about: >
--   Which steps people take one after the other, in sessions as PostHog's paths know them: a pause of half an hour ends
--   one, steps of one moment go by name, and a step repeated is one step, at its last time. A step is a page (`pages`:
--   $pageview and $screen) or an event of your own; `start` and `goal` are steps, too, whatever they are. A page is its
--   path without query and trailing slash, ids in it are `:id`, and one like a pattern of `patterns` (/blog/*) is that;
--   with `urls` it is the whole address as PostHog's own paths have it. A session counts from its first `start`, and is
--   over at its first `goal`. Kinds of rows: `begin`: sessions that began with the steps in `names`; `path`: their first
--   `steps` steps, with a goal the last ones before it; `edge`: from one step of a path to the next, or its last alone;
--   `node`: this step of a path; `step`: any (0: all sessions); `exit`: the last one of a session; with `periods`,
--   `period`: those that began in the period of this number, from that of `origin` on. Of them `stayed` were over there,
--   `reached` got to the goal; `seconds` is the mean time of an edge, of a path, or until an exit. `with_rarer` are
--   the persons of a row or of any that comes after it in its kind, `with_rarer_of_step` those of an edge or of any after
--   it at its step: persons cannot be added. A person is in one of `groups`: '' or '=' and a value of the breakdown. Of
--   each kind, of edges at each step, come the `most` frequent rows, of periods all.
-- params:
--   groups: {type: list, default: [""]}
--   most: 1000
--   periods: false
--   interval: day
--   sundays: false
--   origin: {type: timestamp}
WITH
{journey_sessions},
-- an item is (kind by number, step, names, whether the session was over there, seconds)
items AS (
    SELECT
        person,
        group_rank,
        goal_at > 0 AS got_there,
        length(journey) AS arrived,
        arrayEnumerate(names) AS numbers,
        arrayResize(names, 0) AS nothing,
        toTimeZone(toDateTime({origin}), {timezone}) AS origin,
        toTimeZone(fromUnixTimestamp64Milli(visit[1].1), {timezone}) AS began,
        arrayJoin(arrayConcat(
            arrayMap(n -> tuple(1, n, nothing, finished AND n = arrived, 0.0), arrayPushFront(numbers, 0)),
            arrayMap(
                n -> tuple(2, n, arraySlice(begins, 1, n), finished AND n = length(begins), 0.0),
                arrayEnumerate(begins)
            ),
            arrayMap((n, name) -> tuple(3, n, [name], finished AND n = arrived, 0.0), numbers, names),
            arrayMap(
                (t, next, n) -> tuple(
                    4, n, n < arrived ? [t.2, next.2] : [t.2], finished AND n = arrived, (next.1 - t.1) / 1000
                ),
                journey,
                arrayPopFront(arrayPushBack(journey, journey[-1])),
                numbers
            ),
            arrived > 0 ? [tuple(5, arrived, names, finished, (journey[-1].1 - journey[1].1) / 1000)] : [],
            [tuple(6, 0, [visit[-1].2], true, (visit[-1].1 - visit[1].1) / 1000)],
            -- a Sunday's week is the Monday's of the day after; hours are counted out, as clocks may be off by half of one
            {periods} ? [
                tuple(
                    7,
                    abs(
                        multiIf(
                            {interval} = 'hour',
                            toInt(floor(dateDiff('second', origin, began) / 3600)),
                            {sundays},
                            dateDiff('week', addDays(origin, 1), addDays(began, 1)),
                            dateDiff({interval}, origin, began)
                        )
                    ),
                    nothing,
                    finished,
                    0.0
                )
            ] : []
        )) AS item
    FROM sessions
),
-- by a hash, since texts are slow keys
counted AS (
    SELECT
        cityHash64(tuple(group_rank, item.1, item.2, item.3)) AS hash,
        any(group_rank) AS rank,
        ['step', 'begin', 'node', 'edge', 'path', 'exit', 'period'][any(item.1)] AS kind,
        any(item.2) AS step,
        any(item.3) AS names,
        count() AS sessions,
        uniqExactState(person) AS who,
        countIf(item.4) AS stayed,
        countIf(got_there) AS reached,
        avg(item.5) AS seconds
    FROM items
    GROUP BY hash
),
ranked AS (
    SELECT
        rank,
        kind,
        step,
        names,
        sessions,
        -- in the order of the next one, since to sort twice is slow
        uniqExactMerge(who) OVER (
            PARTITION BY rank, kind, multiIf(kind = 'begin', step, kind = 'edge', length(names), 0)
            ORDER BY sessions ASC, step DESC, names DESC
            ROWS BETWEEN CURRENT ROW AND CURRENT ROW
        ) AS persons,
        uniqExactMerge(who) OVER (
            PARTITION BY rank, kind, multiIf(kind = 'begin', step, kind = 'edge', length(names), 0)
            ORDER BY sessions ASC, step DESC, names DESC
            ROWS UNBOUNDED PRECEDING
        ) AS with_rarer,
        uniqExactMerge(who) OVER (
            PARTITION BY rank, kind, step
            ORDER BY sessions ASC, names DESC
            ROWS UNBOUNDED PRECEDING
        ) AS with_rarer_of_step,
        stayed,
        reached,
        seconds
    FROM counted
)
SELECT
    nullIf(substring({groups}[rank], 2), '') AS group_value,
    rank AS group_rank,
    kind,
    step,
    names,
    sessions,
    persons,
    with_rarer,
    with_rarer_of_step,
    stayed,
    reached,
    seconds
FROM ranked
ORDER BY group_rank, kind, sessions DESC, step, names
LIMIT {most} BY group_rank, kind, kind IN ('edge', 'period') ? step : 0
