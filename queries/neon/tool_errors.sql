-- title: What one tool's failures say
-- about: >
--   The failed calls of the tool of exactly this name within `days`, by type and message, the commonest first. Ids and
--   amounts in the messages are masked, so that one cause is one row.
-- params: {tool: {type: text}, days: 30}
WITH calls AS (
    SELECT
        t.error_type, t.error_message,
        CASE
            WHEN t.status IN ('success', 'completed') THEN 'ok'
            WHEN t.status = 'failed' THEN 'failed'
            WHEN t.status IN ('running', 'queued', 'pending') THEN 'running'
            WHEN t.status IN ('cancelled', 'canceled') THEN 'cancelled'
            ELSE 'unknown'
        END AS outcome,
        t.created_at AS at,
        -- NULL for a call of a backend user who has no account
        coalesce(nullif(lower(trim(w.email)), ''), 'account ' || w.id) AS person
    FROM fastapi_tool_executions AS t
    -- the id is text there: compared as text, a stray value costs its own row and not the whole query
    LEFT JOIN fastapi_user AS f ON f.id::text = t.user_id
    LEFT JOIN wasp_user AS w ON w.id = f.wasp_user_id
    WHERE t.tool_name = {tool} AND t.created_at <= {as_of} AND t.created_at > {as_of} - make_interval(days => {days}::int)
        AND NOT EXISTS (
            SELECT FROM unnest({internal}) AS own
            WHERE lower(trim(w.email)) = own
                OR (own NOT LIKE '%@%' AND right(lower(trim(w.email)), length(own) + 1) IN ('@' || own, '.' || own))
        )
)
SELECT
    error_type,
    left(
        -- without ids, amounts and durations (codes such as 429 stay), so that one cause is one text
        regexp_replace(
            regexp_replace(
                split_part(error_message, chr(10), 1),
                '\m(?=[\w-]*\d)[\w-]{8,}\M', '…', 'g'
            ),
            '(?<![=\w])(?:\d+(?=\s*(?:m?s|[KMG]i?B)\M)|(?![45]\d\d\M)\d+)\M', '…', 'g'
        ),
        200
    ) AS message,
    count(*) AS failures,
    count(DISTINCT person) AS affected_users,
    count(*) FILTER (WHERE person IS NULL) AS unattributed,
    min(at) AS first_at,
    max(at) AS last_at
FROM calls
WHERE outcome = 'failed'
GROUP BY 1, 2
ORDER BY failures DESC, error_type, message
