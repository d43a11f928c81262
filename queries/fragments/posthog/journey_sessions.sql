-- title: Sessions and their steps
-- about: >
--   The tables of a WITH, up to `sessions`: a row per session in which `start` occurs, of `person` (hashed; `whose` is the id), with
--   the names of its steps, `names`, and their times (ms) in `journey`, as the header of posthog/journeys says.
-- params:
--   pages: true
--   urls: false
--   patterns: {type: list, default: [""]}
--   start: {type: text, default: ""}
--   goal: {type: text, default: ""}
--   steps: 5
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
--   groups: {type: list, default: [""]}
views AS (
    -- what is named here is used often, so the next table names it: ClickHouse reads a name anew wherever it stands
    SELECT
        person_id,
        timestamp,
        event,
        {event_group} AS group_of,
        ifNull(properties.$screen_name, '') AS screen,
        ifNull(properties.$current_url, '') AS url,
        assumeNotNull({urls} ? url : coalesce(nullIf(cutFragment(cutQueryString(properties.$pathname)), ''), path(url))) AS whole_path
    FROM events
    WHERE timestamp >= toDateTime({since})
        AND timestamp < toDateTime({until})
        AND {is_journey_step}
        AND {where}
        AND {audience}
),
paths AS (
    SELECT
        person_id,
        timestamp,
        event,
        group_of,
        screen,
        if(endsWith(whole_path, '/') AND whole_path != '/', substring(whole_path, 1, length(whole_path) - 1), whole_path) AS path
    FROM views
),
acts AS (
    SELECT
        person_id,
        timestamp,
        group_of,
        arrayFirst(p -> match(path, concat('^', replaceAll(regexpQuoteMeta(p), '\\*', '.*'), '$')), {patterns}) AS pattern,
        '^([0-9]+|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9A-Za-z]{16,})$' AS id,
        arrayMap(part -> match(part, '[0-9]') AND match(part, id) ? ':id' : part, splitByChar('/', path)) AS parts,
        multiIf(
            NOT {pages}, event,
            event = '$screen', screen,
            event != '$pageview', event,
            pattern != '', pattern,
            match(path, '[0-9]') AND NOT {urls}, arrayStringConcat(parts, '/'),
            path
        ) AS step
    FROM paths
),
people AS (
    SELECT
        person_id AS person,
        argMinIf(group_of, timestamp, isNotNull(group_of)) AS value,
        indexOf({groups}, isNull(value) ? '' : concat('=', value)) AS place,
        -- milliseconds would lose the order of what is microseconds apart
        arraySort(groupArray(tuple(timestamp, step = '' ? '(not recorded)' : step))) AS in_order,
        arrayMap(t -> tuple(toUnixTimestamp64Milli(t.1), t.2), in_order) AS taken
    FROM acts
    GROUP BY person_id
),
visits AS (
    SELECT
        people.person AS whose,
        cityHash64(people.person) AS person,
        place > 0 ? place : length({groups}) + 1 AS group_rank,
        arrayJoin(arraySplit((t, pause) -> pause >= 1800000, taken, arrayDifference(arrayMap(t -> t.1, taken)))) AS visit
    FROM people
),
unrepeated AS (
    SELECT
        whose,
        person,
        group_rank,
        visit,
        arrayPushBack(arrayPopFront(arrayMap(t -> t.2, visit)), '') AS following,
        arrayFilter((t, next) -> t.2 != next, visit, following) AS all_steps
    FROM visits
),
begun AS (
    SELECT
        whose,
        person,
        group_rank,
        visit,
        arrayMap(t -> t.2, all_steps) AS all_names,
        {start} = '' ? 1 : indexOf(all_names, {start}) AS begun_at,
        arraySlice(all_steps, begun_at) AS rest,
        {goal} = '' ? 0 : indexOf(arraySlice(all_names, begun_at), {goal}) AS goal_at,
        goal_at > 0 ? arraySlice(rest, 1, goal_at) : rest AS whole
    FROM unrepeated
    WHERE begun_at > 0
),
sessions AS (
    SELECT
        whose,
        person,
        group_rank,
        visit,
        goal_at,
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
    FROM begun
)
