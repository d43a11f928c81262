-- title: Days on which people were active
-- about: >
--   A row per event of `event` (any when it is empty) before `until`, with its `group_of` and its `age`: how many local days
--   before `until` it was. It ends with a condition, to which a query adds its own.
-- params:
--   event: {type: list, default: [""]}
--   breakdown: usertrack_no_breakdown
SELECT
    person_id,
    timestamp,
    nullIf(toString(properties[{breakdown}]), '') AS group_of,
    dateDiff('day', toTimeZone(timestamp, {timezone}), toTimeZone(toDateTime({until}), {timezone})) AS age
FROM events
WHERE timestamp < toDateTime({until})
    AND (has({event}, '') OR event IN {event})
    AND {where}
