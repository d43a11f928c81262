-- title: Funnel, in order
-- about: >
--   How many persons reached each step of a funnel, as PostHog counts: every first step opens an attempt, each next step
--   must come within `window` seconds of that first one, one event never fills two steps, and the furthest attempt
--   counts, of several the one that got there first. An event of `exclusions` after the first step and before the last
--   takes the person out, if it struck the furthest attempt. `strict`: any other event in between ends an attempt. A step
--   is an event, or several with | between them, or any if it is empty, that fulfils the condition at the same place in
--   `conditions`. Times between steps are in seconds. `open`: stopped there, but the window is not over. With `each` above 0 the rows are the
--   persons who stopped at that step.
-- params:
--   steps: {type: list}
--   conditions: {type: conditions}
--   exclusions: {type: list, default: []}
--   strict: false
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
WITH
-- which steps each event can fill, and before which steps it is an exclusion, as negative numbers
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
        AND ({everyone} OR email IN {people})
        AND NOT arrayExists(
            own -> email = own
                OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own)))),
            {internal}
        )
),
-- moves (time, step, event, steps) of events at one time: alike events one after the other, each tried on its last step
-- first; different ones by step, and none of them twice. Step 0 ends all attempts but those at `steps`, if strict
moments AS (
    SELECT
        person_id,
        timestamp AS at,
        any(email) AS address,
        any(group_of) AS seen_group,
        toUnixTimestamp64Milli(timestamp) AS ms,
        groupArray(matched) AS matches,
        arrayResize(matches[1], 0) AS none,
        arrayMap(m -> arrayConcat(arrayReverse(m), arrayResize([0], if({strict}, 1, 0))), matches) AS orders,
        arrayMap((m, o) -> arrayMap(n -> tuple(ms, n, 0, m), o), matches, orders) AS alike,
        arrayMap(m -> arrayFilter(n -> n > 0, m), matches) AS filled,
        arrayMap((m, e) -> arrayMap(n -> tuple(ms, n, e - 0, none), m), filled, arrayEnumerate(matches)) AS different,
        if(arrayUniq(matches) = 1, arrayFlatten(alike), arraySort(m -> m.2, arrayFlatten(different))) AS moves,
        if(arrayUniq(matches) = 1 AND length(filled[1]) < 2, matches[1], [0]) AS what
    FROM candidates
    WHERE {strict} OR notEmpty(matched)
    GROUP BY person_id, timestamp
),
-- of the same thing done over and over only the first time tells, and of the first step the last time, too. To each move
-- its begin, if it opens an attempt, and the place of what it changes: its step, or the one that it strikes
people AS (
    SELECT
        person_id AS person,
        any(address) AS email,
        argMinIf(seen_group, at, isNotNull(seen_group)) AS value,
        arraySort(moment -> moment.1, groupArray(tuple(at, what, moves))) AS ordered,
        arrayMap(moment -> moment.2, ordered) AS whats,
        arrayFilter(
            (moment, n) -> n = 1 OR whats[n] = [0] OR whats[n] != whats[n - 1]
                OR (whats[n] = [1] AND whats[n] != whats[n + 1]),
            ordered,
            arrayEnumerate(ordered)
        ) AS telling,
        arrayFlatten(arrayMap(moment -> moment.3, telling)) AS plain,
        arrayMap(m -> tuple(m.1, m.2, m.3 - 0, m.4, m.2 = 1 ? m.1 : 0, m.2 > 0 ? m.2 + 1 : 0 - m.2), plain) AS all_moves,
        arrayResize(arrayMap(m -> tuple(m.1, m.3), all_moves), 0) AS nowhere
    FROM moments
    GROUP BY person_id
),
-- an attempt is [(begin, 0, or -1 once an exclusion struck it), (time of step 1, event), (time of step 2, event), …]. Of
-- those that reached step n only the latest can get on, at place n + 1; beside them the furthest of all is kept
furthest AS (
    SELECT
        person,
        email,
        value,
        1000 * {window} AS allowed,
        arrayFold(
            (seen, m) -> arrayMap(
                (was, ok) -> tuple(
                    m.2 = 0 ? arrayMap((a, n) -> has(m.4, n - 1) ? a : nowhere, seen.1, arrayEnumerate(seen.1))
                    : ok AND was[1].2 = 0 ? arrayConcat(
                        arraySlice(seen.1, 1, m.6 - 1),
                        [m.2 > 0 ? arrayPushBack(was, tuple(m.1, m.3)) : arrayConcat([tuple(was[1].1, -1)], arrayPopFront(was))],
                        arraySlice(seen.1, m.6 + 1)
                    )
                    : seen.1,
                    ok AND m.2 - seen.2[1].2 >= length(seen.2) ? arrayPushBack(was, tuple(m.1, m.3))
                    : ok AND was[1].2 = 0 AND length(seen.2) + m.2 = 0 AND m.1 - seen.2[1].1 <= allowed
                        ? arrayConcat([tuple(seen.2[1].1, -1)], arrayPopFront(seen.2))
                    : seen.2
                ),
                [m.5 > 0 ? [tuple(m.5, 0)] : seen.1[abs(m.2)]],
                [
                    m.2 != 0
                    AND m.1 - greatest(m.5, seen.1[abs(m.2)][1].1) <= allowed
                    AND seen.1[abs(m.2) + 1][1].1 != greatest(m.5, seen.1[abs(m.2)][1].1)
                    AND NOT (m.3 > 0 AND has(seen.1[abs(m.2)], tuple(m.1, m.3)))
                ]
            )[1],
            all_moves,
            tuple(arrayResize([nowhere], length({steps}) + 1), nowhere)
        ).2 AS best
    FROM people
),
sized AS (
    SELECT person, email, value, best, count() OVER (PARTITION BY value) AS entered
    FROM furthest
    WHERE notEmpty(best) AND best[1].2 = 0
),
ranked AS (
    SELECT person, email, value, best, dense_rank() OVER (ORDER BY entered DESC, value ASC) AS place
    FROM sized
),
steps_reached AS (
    SELECT
        if({each} > 0, toString(person), '') AS id,
        if({each} > 0, email, '') AS address,
        if(place <= {top}, value, NULL) AS group_value,
        least(place, {top} + 1) AS group_rank,
        best[1].1 AS begun,
        length(best) - 1 AS reached,
        arrayJoin(range(1, length(best))) AS step,
        best[step + 1].1 AS ms,
        if(step > 1, ms - best[step].1, 0) / 1000 AS seconds
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
    medianIf(seconds, seconds > 0) AS median_seconds,
    fromUnixTimestamp64Milli(min(ms)) AS first_at
FROM steps_reached
WHERE {each} = 0 OR (step = {each} AND reached = {each})
GROUP BY group_value, group_rank, step, id, address
ORDER BY group_rank, step, persons DESC, email, person_id
