-- title: Failed runs and failed tool calls with their messages
-- about: >
--   One row per failure of the window. Messages come as they were written, but for the middle of very long ones;
--   `usertrack failures` makes fingerprints of them before anybody sees them. `credits` are those of the account as of today.
-- params: {days: 30, person: [], tools: [], since: {type: timestamp, default: 1970-01-01}}
WITH people AS ({people_of_accounts}),
failed AS (
    SELECT 'workflow' AS level, r.account_id, r.actor, r.at, NULL AS tool, NULL AS provider,
        NULL AS error_type, r.error AS message
    FROM {runs} AS r
    WHERE r.failed AND r.at <= {as_of} AND r.at > {as_of} - make_interval(days => {days}::int) AND r.at >= {since}
    UNION ALL
    SELECT 'tool', c.account_id, c.actor, c.at, c.tool, {others_provider}, c.error_type, c.error
    FROM {calls} AS c
    WHERE c.failed AND c.at <= {as_of} AND c.at > {as_of} - make_interval(days => {days}::int) AND c.at >= {since}
        AND (cardinality({tools}) = 0 OR c.tool = ANY ({tools}))
)
SELECT
    f.level,
    coalesce(p.person, f.actor) AS person,
    f.at,
    f.tool,
    f.provider,
    f.error_type,
    -- a traceback says what happened in its last line: of a long one both ends are kept, cut where lines end
    CASE WHEN length(f.message) > 4000
        THEN left(f.message, 1500) || chr(10) || regexp_replace(right(f.message, 2400), '^[^\n]*\n', '')
        ELSE f.message
    END AS message,
    p.credits
FROM failed AS f
LEFT JOIN people AS p USING (account_id)
WHERE p.outside IS NOT FALSE AND (cardinality({person}) = 0 OR p.person = ({person})[1])
ORDER BY f.at DESC, f.level, person, f.tool
