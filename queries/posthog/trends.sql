-- title: Trends
-- about: >
--   How often something happened in each period, by how many people, or a figure of one of its properties, as PostHog counts:
--   the fragment `trend_number` says what each `math` is, `trend_events` of which events. Periods are numbered from that of
--   `origin` on; the row without a `period` is the whole time. Where it is `grouped`, the first `top` values of the breakdown have
--   a group each, see `trend_values`, and `group_values` is how many values there are.
WITH {trend_values} AS ranked_values
SELECT
    {trend_columns}
FROM (
    SELECT
        {trend_place} AS group_rank,
        {bucket} + 1 AS place_of_period,
        any(value) AS any_value,
        {trend_number} AS number
    FROM ({trend_events})
    -- 0 is all of them
    GROUP BY rollup(group_rank, place_of_period)
    HAVING group_rank > 0
)
ORDER BY group_rank, period
