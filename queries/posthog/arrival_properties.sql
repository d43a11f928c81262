-- title: Properties of events as they arrive
-- about: >
--   How many of each event's `total` in the last `days` had which property; one that is null is not there. For an event of
--   `releases` only what came from the time at the same place in `release_times` on counts: before that, its properties were
--   not sent. A property of `aliases` counts as the one at the same place in `alias_of`. Those of the SDK (`$…`) are left out,
--   and so are PostHog's own events.
-- params:
--   days: 30
--   releases: {type: list, default: [""]}
--   release_times: {type: list, default: ["1970-01-01T00:00:00Z"]}
--   aliases: {type: list, default: [""]}
--   alias_of: {type: list, default: [""]}
SELECT event, property, events, max(events) OVER (PARTITION BY event) AS total
FROM (
    SELECT
        event,
        arrayJoin(
            arrayDistinct(
                arrayConcat(
                    [''],
                    arrayMap(
                        pair -> transform(pair.1, {aliases}, {alias_of}, pair.1),
                        arrayFilter(
                            pair -> pair.2 != 'null' AND NOT startsWith(pair.1, '$') AND pair.1 != '',
                            JSONExtractKeysAndValuesRaw(toString(properties))
                        )
                    )
                )
            )
        ) AS property,
        count() AS events
    FROM events
    WHERE {in_days}
        AND timestamp >= parseDateTimeBestEffort(transform(event, {releases}, {release_times}, '1970-01-01T00:00:00Z'))
        AND NOT startsWith(event, '$')
        AND {customer}
    GROUP BY event, property
)
ORDER BY event, property
