-- title: Values of properties, sampled
-- about: >
--   Up to 200 different texts that each property of events had in the last `days`, to look for personal data in them. Properties of
--   the SDK (`$…`) are left out, and so are PostHog's own events. `only` narrows it to some properties.
-- key: property
-- params:
--   days: 30
--   only: {type: list, default: [""]}
SELECT property, groupUniqArray(200)(text) AS texts
FROM (
    SELECT pair.1 AS property, JSONExtractString(pair.2) AS text
    FROM (
        SELECT arrayJoin(JSONExtractKeysAndValuesRaw(toString(properties))) AS pair
        FROM events
        WHERE {in_days}
            AND NOT startsWith(event, '$')
            AND {customer}
    )
    WHERE NOT startsWith(pair.1, '$') AND (has({only}, '') OR has({only}, pair.1)) AND startsWith(pair.2, '"') AND text != ''
)
GROUP BY property
ORDER BY property
