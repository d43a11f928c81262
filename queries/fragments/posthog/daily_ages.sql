-- title: Days on which people were active
-- about: >
--   A row per event of `event` (any when it is empty) before `until`, with its `group_of` and its `age`: how many local days
--   before `until` it was. It ends with a condition, to which a query adds its own.
-- params:
--   event: {type: list, default: [""]}
--   of_person: false
--   group_of: {type: condition, default: "''"}
SELECT
    person_id,
    timestamp,
    -- what is of the person is looked up once a person
    nullIf(if({of_person}, '', toString({group_of})), '') AS group_of,
    dateDiff('day', toTimeZone(timestamp, {timezone}), toTimeZone(toDateTime({until}), {timezone})) AS age
FROM events
WHERE timestamp < toDateTime({until})
    AND (has({event}, '') OR event IN {event})
    AND {where}
