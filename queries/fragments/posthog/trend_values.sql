-- title: The values of a trend's breakdown
-- about: >
--   An array of them: with `grouping` `own` those of the events, with the largest number over the whole time first, else the
--   `values` that are given. Nothing is read for them then. Needs `math`.
-- params:
--   grouping: none
--   values: {type: list, default: [""]}
if({grouping} = 'own', (
    SELECT arrayMap(pair -> pair.2, arraySort(groupArray(tuple(-ifNull(number, 0), value))))
    FROM (
        SELECT value, {trend_number} AS number
        FROM ({trend_events})
        WHERE {grouping} = 'own' AND value != ''
        GROUP BY value
    )
), {values})
