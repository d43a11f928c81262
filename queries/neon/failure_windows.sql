-- title: How many people fail in each stretch of hours, and how many were to be expected
-- about: >
--   Every stretch of 1 to 24 whole hours (UTC) of the window, on each level by itself: people with something finished, people
--   with something failed, and how many of those to expect from what each of them does at other times. Somebody's own rate
--   comes from everything more than a day away, over 30 days at least, and is drawn towards everybody's as by two finished
--   things; several failures of one person in an hour count once. Stretches with fewer than `people` people are left out.
--  
-- params: {days: 30, people: 5, since: {type: timestamp, default: 1970-01-01}}
WITH people AS (
    SELECT
        f.id::text AS user_id,
        coalesce(nullif(lower(trim(w.email)), ''), 'account ' || w.id) AS person,
        NOT EXISTS (
            SELECT FROM unnest({internal}) AS own
            WHERE lower(trim(w.email)) = own
                OR (own NOT LIKE '%@%' AND right(lower(trim(w.email)), length(own) + 1) IN ('@' || own, '.' || own))
        ) AS outside
    FROM fastapi_user AS f
    JOIN wasp_user AS w ON w.id = f.wasp_user_id
),
happened AS (
    SELECT 'workflow' AS level, r.user_id::text AS user_id, r.created_at AS at, r.run_state::text AS outcome
    FROM fastapi_run AS r
    UNION ALL
    SELECT 'tool', t.user_id::text, t.created_at, t.status::text
    FROM fastapi_tool_executions AS t
),
hours AS (
    SELECT
        h.level,
        coalesce(p.person, 'user ' || h.user_id) AS person,
        floor(extract(epoch FROM h.at) / 3600)::int AS hour,
        count(*) AS finished,
        count(*) FILTER (WHERE h.outcome = 'failed') AS failed
    FROM happened AS h
    LEFT JOIN people AS p USING (user_id)
    WHERE p.outside IS NOT FALSE AND h.outcome IN ('completed', 'success', 'failed')
        AND h.at <= {as_of} AND h.at > {as_of} - make_interval(days => greatest({days}, 30)::int)
    GROUP BY 1, 2, 3
),
elsewhere AS (
    SELECT
        *,
        sum(failed) OVER (PARTITION BY level) / sum(finished) OVER (PARTITION BY level) AS everybody,
        sum(finished) OVER own - sum(finished) OVER near AS finished_far,
        sum(failed) OVER own - sum(failed) OVER near AS failed_far,
        hour - lag(hour) OVER (PARTITION BY level, person ORDER BY hour) AS since_finished,
        CASE WHEN failed > 0 THEN
            hour - max(hour) FILTER (WHERE failed > 0)
                OVER (PARTITION BY level, person ORDER BY hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        END AS since_failed
    FROM hours
    WINDOW
        own AS (PARTITION BY level, person),
        near AS (PARTITION BY level, person ORDER BY hour RANGE BETWEEN 24 PRECEDING AND 24 FOLLOWING)
),
-- who did something earlier in a stretch is not counted again in it: how long ago that was is all that needs to be kept
met AS (
    SELECT
        level,
        hour,
        coalesce(least(since_finished, 24), 24) AS since_finished,
        CASE WHEN failed > 0 THEN coalesce(least(since_failed, 24), 24) ELSE 0 END AS since_failed,
        count(*) AS people,
        sum(1 - power(1 - (failed_far + 2 * everybody) / (finished_far + 2), finished)) AS expected,
        sum(finished) AS finished,
        sum(failed) AS failed
    FROM elsewhere
    GROUP BY 1, 2, 3, 4
),
stretches AS (
    SELECT start, length
    FROM generate_series(
            floor(extract(epoch FROM greatest({as_of} - make_interval(days => {days}::int), {since})) / 3600)::int,
            floor(extract(epoch FROM {as_of}) / 3600)::int
        ) AS start
    CROSS JOIN unnest(ARRAY[1, 2, 3, 4, 6, 8, 12, 24]) AS length
)
SELECT
    m.level,
    to_timestamp(s.start * 3600.0) AS start_at,
    s.length AS hours,
    sum(m.people) FILTER (WHERE m.since_finished > m.hour - s.start)::bigint AS people,
    coalesce(sum(m.people) FILTER (WHERE m.since_failed > m.hour - s.start), 0)::bigint AS people_failed,
    sum(m.expected)::float8 AS expected,
    sum(m.finished)::bigint AS finished,
    sum(m.failed)::bigint AS failed
FROM stretches AS s
JOIN met AS m ON m.hour >= s.start AND m.hour < s.start + s.length
GROUP BY m.level, s.start, s.length
HAVING sum(m.people) FILTER (WHERE m.since_finished > m.hour - s.start) >= {people}
ORDER BY m.level, s.start, s.length
