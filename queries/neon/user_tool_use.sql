-- title: Does this person use a tool like that?
-- about: >
--   Each tool the person ever called whose name contains `tool`, in upper or lower case; `%` and `_` stand for themselves.
--   No row: the person does not use it, and nothing of theirs can be blamed on it.
-- params: {email: {type: list}, tool: {type: text}}
SELECT
    t.tool_name AS tool,
    t.tool_provider AS provider,
    count(*) AS uses,
    count(*) FILTER (WHERE t.status::text = 'failed') AS failures,
    min(t.created_at) AS first_at,
    max(t.created_at) AS last_at
FROM {tool_calls_of_accounts}
WHERE lower(trim(w.email)) = ANY({email}) AND strpos(lower(t.tool_name), lower({tool})) > 0 AND t.created_at <= {as_of}
    AND NOT {is_internal}
GROUP BY 1, 2
ORDER BY uses DESC, tool
