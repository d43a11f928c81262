-- title: Trends of first times
-- about: >
--   How many persons did something for the first time ever in each period, as PostHog counts. Otherwise as `trends`; the first
--   event says who is in which group.
-- params:
--   top: 5
--   grouping: none
--   values: {type: list, default: [""]}
WITH if({grouping} = 'own', (
    SELECT arrayMap(pair -> pair.2, arraySort(groupArray(tuple(-number, value))))
    FROM (SELECT value, count() AS number FROM ({trend_firsts}) WHERE {grouping} = 'own' AND value != '' GROUP BY value)
), {values}) AS ranked_values
SELECT
    if(group_rank > {top}, NULL, nullIf(any_value, '')) AS group_value,
    group_rank,
    nullIf(place_of_period, 0) - 1 AS period,
    number,
    length(ranked_values) AS group_values
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
