-- title: Failed tool calls of one person, by tool and message
-- about: >
--   Tool level. Messages come as they were written; `usertrack user` makes fingerprints of them before anybody sees them.
-- params: {email: {type: list}}
SELECT
    t.tool_name AS tool,
    t.error_type,
    t.error_message AS message,
    count(*) AS failures,
    min(t.created_at) AS first_at,
    max(t.created_at) AS last_at
FROM {tool_calls_of_accounts}
WHERE lower(trim(w.email)) = ANY({email}) AND t.status::text = 'failed' AND t.created_at <= {as_of}
    AND NOT {is_internal}
GROUP BY 1, 2, 3
ORDER BY failures DESC, tool, message
