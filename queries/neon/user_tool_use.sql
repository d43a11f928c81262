-- title: Does this person use a tool like that?
-- about: >
--   Each tool the person ever called whose name contains `tool`, in upper or lower case; `%` and `_` stand for themselves.
--   No row: the person does not use it, and nothing of theirs can be blamed on it.
-- params: {email: {type: list}, tool: {type: text}}
SELECT
    c.tool,
    c.provider,
    count(*) AS uses,
    count(*) FILTER (WHERE c.failed) AS failures,
    min(c.at) AS first_at,
    max(c.at) AS last_at
FROM {calls} AS c
JOIN {accounts} AS a USING (account_id)
WHERE a.email = ANY({email}) AND strpos(lower(c.tool), lower({tool})) > 0 AND c.at <= {as_of}
    AND NOT {is_internal}
GROUP BY 1, 2
ORDER BY uses DESC, tool
