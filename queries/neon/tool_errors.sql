-- title: What one tool's failures say
-- about: >
--   The failed calls of the tool of exactly this name within `days`, by type and by the first line of the message,
--   cut at 200 characters, the commonest first. `usertrack failures --tool` puts those together that differ in ids alone.
-- params: {tool: {type: text}, days: 30}
WITH calls AS (
    SELECT
        t.error_type, t.error_message,
        {outcome} AS outcome,
        t.created_at AS at,
        -- NULL for a call of a backend user who has no account
        {account_name} AS person
    FROM {tool_calls}
    WHERE t.tool_name = {tool} AND {recent_calls}
)
SELECT
    error_type,
    left(split_part(error_message, chr(10), 1), 200) AS message,
    count(*) AS failures,
    count(DISTINCT person) AS affected_users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    min(at) AS first_at,
    max(at) AS last_at
FROM calls
WHERE outcome = 'failed'
GROUP BY 1, 2
ORDER BY failures DESC, error_type, message
