-- title: Newest rows
-- about: >
--   Up to which moment each table has rows: accounts, runs, calls, code runs, agent runs. A table without
--   a row has none; a source that lags behind shows here.
WITH rows AS (
    SELECT 'accounts' AS kind, a.account_id, a.signed_up_at AS at FROM {accounts} AS a
    UNION ALL
    SELECT 'runs', r.account_id, r.at FROM {runs} AS r
    UNION ALL
    SELECT 'calls', c.account_id, c.at FROM {calls} AS c
    UNION ALL
    SELECT 'code_runs', x.account_id, x.at FROM {code_runs} AS x
    UNION ALL
    SELECT 'agent_runs', g.account_id, g.at FROM {agent_runs} AS g
)
SELECT rows.kind, nullif(max(rows.at), '-infinity') AS newest_at
FROM rows
LEFT JOIN {accounts} AS a USING (account_id)
WHERE rows.at <= {as_of}
    AND NOT {is_internal}
GROUP BY rows.kind
ORDER BY rows.kind = 'calls', rows.kind
