-- title: What one tool's failures say
-- about: >
--   The failed calls of the tool of exactly this name within `days`, by type and by the first line of the message,
--   cut at 200 characters, the commonest first. `usertrack failures --tool` puts those together that differ in ids alone.
-- params: {tool: {type: text}, days: 30}
SELECT
    error_type,
    left(split_part(error, chr(10), 1), 200) AS message,
    count(*) AS failures,
    count(DISTINCT person) AS affected_users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    min(at) AS first_at,
    max(at) AS last_at
FROM ({recent_calls}) AS recent
WHERE tool = {tool} AND outcome = 'failed'
GROUP BY 1, 2
ORDER BY failures DESC, error_type, message
