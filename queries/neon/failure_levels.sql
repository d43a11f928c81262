-- title: Finished and failed, on both levels
-- about: >
--   Runs (workflow level) and single tool calls (tool level) of the window by how they ended, and how many people that were.
--   Never add the two: a run can fail without a failed call, and the other way round. What has not finished is in no rate;
--   `unknown` names the outcomes that are in no list here. Of the people, `nameless` have no account, or one that was
--   deleted. The window is the last `days`, and begins at `since` where that is later.
-- params: {days: 30, person: [], tools: [], since: {type: timestamp, default: 1970-01-01}}
WITH people AS ({people_of_accounts}),
happened AS (
    SELECT 'workflow' AS level, r.account_id, r.actor, r.outcome, r.status
    FROM {runs} AS r
    WHERE r.at <= {as_of} AND r.at > {as_of} - make_interval(days => {days}::int) AND r.at >= {since}
    UNION ALL
    SELECT 'tool', c.account_id, c.actor, c.outcome, c.status
    FROM {calls} AS c
    WHERE c.at <= {as_of} AND c.at > {as_of} - make_interval(days => {days}::int) AND c.at >= {since}
        AND (cardinality({tools}) = 0 OR c.tool = ANY ({tools}))
)
SELECT
    h.level,
    count(*) FILTER (WHERE h.outcome IN ('ok', 'failed')) AS finished,
    count(*) FILTER (WHERE h.outcome = 'failed') AS failed,
    count(DISTINCT coalesce(p.person, h.actor)) FILTER (WHERE h.outcome IN ('ok', 'failed')) AS people,
    count(DISTINCT coalesce(p.person, h.actor)) FILTER (WHERE h.outcome = 'failed') AS people_failed,
    count(*) FILTER (WHERE h.outcome NOT IN ('ok', 'failed')) AS unfinished,
    coalesce(array_agg(DISTINCT coalesce(h.status, '(none)')) FILTER (WHERE h.outcome = 'unknown'), '{}') AS unknown,
    count(DISTINCT h.actor) FILTER (WHERE p.person IS NULL AND h.outcome IN ('ok', 'failed')) AS nameless
FROM happened AS h
LEFT JOIN people AS p USING (account_id)
WHERE p.outside IS NOT FALSE AND (cardinality({person}) = 0 OR p.person = ({person})[1])
GROUP BY h.level
ORDER BY h.level DESC
