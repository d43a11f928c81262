-- title: Property names
-- about: >
--   Every property that events of a window carried, or with `of_person` the persons behind them, with how many events that
--   were. Names that were mistyped are looked up here.
-- params:
--   since: {type: timestamp}
--   until: {type: timestamp}
--   of_person: false
SELECT
    arrayJoin(JSONExtractKeys(if({of_person}, toString(person.properties), toString(properties)))) AS property,
    count() AS events
FROM events
WHERE timestamp >= toDateTime({since})
    AND timestamp < toDateTime({until})
    AND {customer}
GROUP BY property
ORDER BY events DESC, property
