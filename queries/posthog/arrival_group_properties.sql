-- title: Properties of the groups that are active
-- about: >
--   How many of the groups of each `kind` that an event of the last `days` names (in `$groups`) have which property: what
--   `$groupidentify` has set of them, ever. A property of `aliases` counts as the one at the same place in `alias_of`. The row
--   of a kind without a property has all its groups, that without a kind the groups of all kinds.
-- params:
--   days: 30
--   aliases: {type: list, default: [""]}
--   alias_of: {type: list, default: [""]}
WITH
named AS (
    SELECT DISTINCT
        arrayJoin(
            arrayMap(
                pair -> tuple(pair.1, replaceAll(pair.2, '"', '')),
                JSONExtractKeysAndValuesRaw(ifNull(toString(properties.$groups), ''))
            )
        ) AS who
    FROM events
    WHERE {in_days}
        AND {customer}
),
described AS (
    SELECT
        tuple(toString(properties.$group_type), replaceAll(toString(properties.$group_key), '"', '')) AS who,
        arrayJoin(
            arrayMap(
                pair -> transform(pair.1, {aliases}, {alias_of}, pair.1),
                arrayFilter(
                    pair -> pair.2 != 'null' AND pair.1 != '',
                    JSONExtractKeysAndValuesRaw(ifNull(toString(properties.$group_set), ''))
                )
            )
        ) AS property
    FROM events
    WHERE event = '$groupidentify'
        AND timestamp <= toDateTime({as_of})
)
SELECT kind, property, holders
FROM (
    SELECT '' AS kind, '' AS property, uniqExact(who) AS holders FROM named
    UNION ALL
    SELECT who.1 AS kind, property, uniqExact(who) AS holders
    FROM (
        SELECT who, '' AS property FROM named
        UNION ALL
        SELECT who, property FROM described WHERE who IN (SELECT who FROM named)
    )
    GROUP BY kind, property
)
ORDER BY kind, property
