-- title: The values of a trend's breakdown
-- about: >
--   An array of them: where the question is `grouped` those of the events, with the largest number over the whole time first; or
--   the `values` that are `given`. Nothing is read for these. Needs `math`.
-- params:
--   grouped: false
--   given: false
--   values: {type: list, default: [""]}
if({grouped} AND NOT {given}, (
    SELECT {trend_ranking}
    FROM (
        SELECT value, {trend_number} AS number
        FROM ({trend_events})
        WHERE {grouped} AND NOT {given}
        GROUP BY value
    )
), {values})
