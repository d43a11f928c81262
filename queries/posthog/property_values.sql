-- title: Properties of events, and what their values are
-- about: >
--   How many of each event's `total` in the last `days` had which property, of which kinds its values are (string, datetime,
--   integer, number, boolean, list, object), and the ten most frequent texts of at most 60 characters. The row of an event
--   without a property has all its events. Those of the SDK (`$…`) are left out, and so are PostHog's own events.
-- params: {days: 30}
SELECT
    event,
    property,
    count() AS events,
    max(events) OVER (PARTITION BY event) AS total,
    arraySort(groupUniqArray(kind)) AS kinds,
    arraySort(topK(10)(if(kind = 'string' AND length(value) BETWEEN 1 AND 60, value, NULL))) AS texts
FROM (
    SELECT
        event,
        pair.1 AS property,
        pair.2 AS raw,
        trim(BOTH '"' FROM raw) AS value,
        multiIf(
            property = '', '',
            startsWith(raw, '"'), if(match(value, '^\\d{4}-\\d\\d-\\d\\d([T ]\\d|$)'), 'datetime', 'string'),
            raw IN ('true', 'false'), 'boolean',
            startsWith(raw, '['), 'list',
            startsWith(raw, '{'), 'object',
            match(raw, '^-?\\d+$'), 'integer',
            'number'
        ) AS kind
    FROM (
        SELECT
            event,
            arrayJoin(
                arrayConcat(
                    [tuple('', '')],
                    arrayFilter(
                        pair -> pair.2 != 'null' AND NOT startsWith(pair.1, '$') AND pair.1 != '',
                        JSONExtractKeysAndValuesRaw(toString(properties))
                    )
                )
            ) AS pair
        FROM events
        WHERE {in_days}
            AND NOT startsWith(event, '$')
            AND {customer}
    )
)
GROUP BY event, property
ORDER BY event, property
