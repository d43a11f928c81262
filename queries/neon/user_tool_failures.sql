-- title: Failed tool calls of one person, by tool and message
-- about: >
--   Tool level. Messages come as they were written; `usertrack user` makes fingerprints of them before anybody sees them.
-- params: {email: {type: list}}
SELECT
    c.tool,
    {others_provider} AS provider,
    c.error_type,
    c.error AS message,
    a.credits,
    count(*) AS failures,
    min(c.at) AS first_at,
    max(c.at) AS last_at
FROM {calls} AS c
JOIN {accounts} AS a USING (account_id)
WHERE a.{key}::text = ANY({email}) AND c.failed AND c.at <= {as_of}
    AND NOT {is_internal}
GROUP BY 1, 2, 3, 4, 5
ORDER BY failures DESC, tool, message
