-- title: What one tool's failures say
-- about: >
--   The failed calls of the tool of exactly this name within `days`, by type and by the first line of the message,
--   cut at 200 characters, the commonest first. `usertrack failures --tool` puts those together that differ in ids alone.
-- params: {tool: {type: text}, days: 30}
WITH recent AS (
    SELECT
        c.error_type, c.error AS message,
        c.outcome,
        c.at,
        -- NULL for a call of nobody who has an account
        a.person
    FROM {calls} AS c
    LEFT JOIN {accounts} AS a USING (account_id)
    WHERE c.tool = {tool} AND {recent_calls}
)
SELECT
    error_type,
    left(split_part(message, chr(10), 1), 200) AS message,
    count(*) AS failures,
    count(DISTINCT person) AS affected_users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    min(at) AS first_at,
    max(at) AS last_at
FROM recent
WHERE outcome = 'failed'
GROUP BY 1, 2
ORDER BY failures DESC, error_type, message
