-- title: Failed runs and failed tool calls with their messages
-- about: >
--   One row per failure of the window. Messages come as they were written, but for the middle of very long ones;
--   `usertrack failures` makes fingerprints of them before anybody sees them.
-- params: {days: 30, person: [], tools: [], since: {type: timestamp, default: 1970-01-01}}
WITH people AS ({backend_users}),
failed AS (
    SELECT 'workflow' AS level, r.user_id::text AS user_id, r.created_at AS at, NULL AS tool, NULL AS provider,
        NULL AS error_type, r.run_error_log AS message
    FROM fastapi_run AS r
    WHERE r.run_state::text = 'failed' AND r.created_at <= {as_of} AND r.created_at > {as_of} - make_interval(days => {days}::int) AND r.created_at >= {since}
    UNION ALL
    SELECT 'tool', t.user_id::text, t.created_at, t.tool_name, t.tool_provider, t.error_type, t.error_message
    FROM fastapi_tool_executions AS t
    WHERE t.status::text = 'failed' AND t.created_at <= {as_of} AND t.created_at > {as_of} - make_interval(days => {days}::int) AND t.created_at >= {since}
        AND (cardinality({tools}) = 0 OR t.tool_name = ANY ({tools}))
)
SELECT
    f.level,
    coalesce(p.person, 'user ' || f.user_id) AS person,
    f.at,
    f.tool,
    f.provider,
    f.error_type,
    -- a traceback says what happened in its last line: of a long one both ends are kept, cut where lines end
    CASE WHEN length(f.message) > 4000
        THEN left(f.message, 1500) || chr(10) || regexp_replace(right(f.message, 2400), '^[^\n]*\n', '')
        ELSE f.message
    END AS message
FROM failed AS f
LEFT JOIN people AS p USING (user_id)
WHERE p.outside IS NOT FALSE AND (cardinality({person}) = 0 OR p.person = ({person})[1])
ORDER BY f.at DESC, f.level, person, f.tool
