-- title: Finished and failed, on both levels
-- about: >
--   Runs (workflow level) and single tool calls (tool level) of the window by how they ended, and how many people that were.
--   Never add the two: a run can fail without a failed call, and the other way round. What has not finished is in no rate;
--   `unknown` names the outcomes that are in no list here. Of the people, `nameless` are backend users without an account. The window is the last `days`, and begins at `since` where that is
--   later.
-- params: {days: 30, person: [], tools: [], since: {type: timestamp, default: 1970-01-01}}
WITH people AS ({backend_users}),
happened AS (
    SELECT 'workflow' AS level, r.user_id::text AS user_id, r.run_state::text AS outcome
    FROM fastapi_run AS r
    WHERE r.created_at <= {as_of} AND r.created_at > {as_of} - make_interval(days => {days}::int) AND r.created_at >= {since}
    UNION ALL
    SELECT 'tool', t.user_id::text, t.status::text
    FROM fastapi_tool_executions AS t
    WHERE t.created_at <= {as_of} AND t.created_at > {as_of} - make_interval(days => {days}::int) AND t.created_at >= {since}
        AND (cardinality({tools}) = 0 OR t.tool_name = ANY ({tools}))
)
SELECT
    h.level,
    count(*) FILTER (WHERE h.outcome IN ('completed', 'success', 'failed')) AS finished,
    count(*) FILTER (WHERE h.outcome = 'failed') AS failed,
    count(DISTINCT coalesce(p.person, 'user ' || h.user_id))
        FILTER (WHERE h.outcome IN ('completed', 'success', 'failed')) AS people,
    count(DISTINCT coalesce(p.person, 'user ' || h.user_id)) FILTER (WHERE h.outcome = 'failed') AS people_failed,
    count(*) FILTER (WHERE h.outcome NOT IN ('completed', 'success', 'failed')) AS unfinished,
    coalesce(
        array_agg(DISTINCT h.outcome)
            FILTER (WHERE h.outcome NOT IN ('completed', 'success', 'failed', 'running', 'queued', 'pending', 'cancelled', 'canceled')),
        '{}'
    ) AS unknown,
    count(DISTINCT h.user_id) FILTER (WHERE p.person IS NULL AND h.outcome IN ('completed', 'success', 'failed')) AS nameless
FROM happened AS h
LEFT JOIN people AS p USING (user_id)
WHERE p.outside IS NOT FALSE AND (cardinality({person}) = 0 OR p.person = ({person})[1])
GROUP BY h.level
ORDER BY h.level DESC
