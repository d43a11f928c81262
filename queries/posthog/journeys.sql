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
--   pages: true
--   urls: false
--   patterns: {type: list, default: [""]}
--   start: {type: text, default: ""}
--   goal: {type: text, default: ""}
--   steps: 5
--   most: 1000
--   periods: false
--   interval: day
--   sundays: false
--   origin: {type: timestamp}
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
--   group_of: {type: condition, default: "NULL"}
--   groups: {type: list, default: [""]}
WITH
acts AS (
    SELECT
        person_id,
        timestamp,
        toUnixTimestamp64Milli(timestamp) AS ms,
        nullIf(toString({group_of}), '') AS group_of,
        ifNull(properties.$current_url, '') AS url,
        assumeNotNull({urls} ? url : coalesce(nullIf(cutFragment(cutQueryString(properties.$pathname)), ''), path(url))) AS whole_path,
        if(endsWith(whole_path, '/') AND whole_path != '/', substring(whole_path, 1, length(whole_path) - 1), whole_path) AS path,
        arrayFirst(p -> match(path, concat('^', replaceAll(regexpQuoteMeta(p), '\\*', '.*'), '$')), {patterns}) AS pattern,
        '^([0-9]+|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Za-z]{16,})$' AS id,
        arrayMap(part -> match(part, '[0-9]') AND match(part, id) ? ':id' : part, splitByChar('/', path)) AS parts,
        match(path, '[0-9]') AND NOT {urls} ? arrayStringConcat(parts, '/') : path AS page,
        multiIf(
            NOT {pages}, event,
            event = '$screen', ifNull(properties.$screen_name, ''),
            event != '$pageview', event,
            pattern != '', pattern,
            page
        ) AS step
    FROM events
    WHERE timestamp >= toDateTime({since})
        AND timestamp < toDateTime({until})
        AND (if({pages}, event IN ('$pageview', '$screen'), NOT startsWith(event, '$')) OR event IN ({start}, {goal}))
        AND {where}
        AND {audience}
),
people AS (
    SELECT
        person_id AS person,
        argMinIf(group_of, ms, isNotNull(group_of)) AS value,
        indexOf({groups}, isNull(value) ? '' : concat('=', value)) AS place,
        -- milliseconds would lose the order of what is microseconds apart
        arraySort(groupArray(tuple(timestamp, step = '' ? '(not recorded)' : step, ms))) AS in_order,
        arrayMap(t -> tuple(t.3, t.2), in_order) AS taken,
        arrayDifference(arrayMap(t -> t.1, taken)) AS pauses,
        arraySplit((t, pause) -> pause >= 1800000, taken, pauses) AS visits
    FROM acts
    GROUP BY person_id
),
sessions AS (
    SELECT
        cityHash64(person) AS person,
        place > 0 ? place : length({groups}) + 1 AS group_rank,
        arrayJoin(visits) AS visit,
        arrayPushBack(arrayPopFront(arrayMap(t -> t.2, visit)), '') AS following,
        arrayFilter((t, next) -> t.2 != next, visit, following) AS all_steps,
        arrayMap(t -> t.2, all_steps) AS all_names,
        {start} = '' ? 1 : indexOf(all_names, {start}) AS begun,
        arraySlice(all_steps, begun) AS rest,
        {goal} = '' ? 0 : indexOf(arraySlice(all_names, begun), {goal}) AS goal_at,
        goal_at > 0 ? arraySlice(rest, 1, goal_at) : rest AS whole,
        arraySlice(whole, 1, {steps}) AS trail,
        intDiv({steps}, 2) AS half,
        [tuple(whole[1 + half].1, '...')] AS gap,
        -- between two points PostHog shows the first and the last steps
        arrayConcat(arraySlice(whole, 1, half), gap, arraySlice(whole, 0 - half)) AS ends,
        {start} = '' ? arraySlice(whole, 0 - {steps}) : length(whole) > {steps} ? ends : whole AS way,
        {goal} = '' ? trail : goal_at > 0 ? way : arrayResize(whole, 0) AS journey,
        length(whole) <= {steps} AND goal_at = 0 AS finished,
        arrayMap(t -> t.2, trail) AS begins,
        arrayMap(t -> t.2, journey) AS names
    FROM people
    WHERE begun > 0
),
-- (kind by number, step, names, whether the session was over there, seconds)
items AS (
    SELECT
        person,
        group_rank,
        goal_at > 0 AS got_there,
        length(trail) AS last,
        length(journey) AS arrived,
        arrayEnumerate(begins) AS trail_numbers,
        arrayEnumerate(names) AS numbers,
        arrayPopFront(arrayPushBack(journey, journey[-1])) AS following,
        arrayMap(n -> tuple(2, n, arraySlice(begins, 1, n), finished AND n = last, 0.0), trail_numbers) AS begin_items,
        arrayMap((n, name) -> tuple(3, n, [name], finished AND n = arrived, 0.0), numbers, names) AS nodes,
        arrayMap(
            (t, next, n) -> tuple(4, n, n < arrived ? [t.2, next.2] : [t.2], finished AND n = arrived, (next.1 - t.1) / 1000),
            journey, following, numbers
        ) AS edges,
        tuple(5, arrived, names, finished, (journey[-1].1 - journey[1].1) / 1000) AS path_item,
        tuple(6, 0, [all_names[-1]], true, (visit[-1].1 - visit[1].1) / 1000) AS exit_item,
        arrayResize(names, 0) AS nothing,
        toTimeZone(toDateTime({origin}), {timezone}) AS origin,
        toTimeZone(fromUnixTimestamp64Milli(visit[1].1), {timezone}) AS began,
        -- a Sunday's week is the Monday's of the day after; hours are counted out, as clocks may be off by half of one
        multiIf(
            {interval} = 'hour',
            toInt(floor(dateDiff('second', origin, began) / 3600)),
            {sundays},
            dateDiff('week', addDays(origin, 1), addDays(began, 1)),
            dateDiff({interval}, origin, began)
        ) AS period,
        {periods} ? [tuple(7, abs(period), nothing, finished, 0.0)] : [] AS periods,
        arrayMap(n -> tuple(1, n, nothing, finished AND n = arrived, 0.0), arrayPushFront(numbers, 0)) AS all_items,
        arrayJoin(arrayConcat(all_items, begin_items, nodes, edges, arrived > 0 ? [path_item] : [], [exit_item], periods)) AS item
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
