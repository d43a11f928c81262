-- title: Trends of first times
-- about: >
--   How many persons did something for the first time ever in each period, as PostHog counts. Otherwise as `trends`; the first
--   event says who is in which group.
-- params:
--   grouped: false
--   given: false
--   values: {type: list, default: [""]}
WITH if({grouped} AND NOT {given}, (
    SELECT {trend_ranking}
    FROM (SELECT value, count() AS number FROM ({trend_firsts}) WHERE {grouped} AND NOT {given} GROUP BY value)
), {values}) AS ranked_values
SELECT
    {trend_columns}
FROM (
    SELECT
        {trend_place} AS group_rank,
        {bucket} + 1 AS place_of_period,
        any(value) AS any_value,
        toFloat(count()) AS number
    FROM ({trend_firsts})
    GROUP BY rollup(group_rank, place_of_period)
    HAVING group_rank > 0
)
ORDER BY group_rank, period
