-- title: The events of a trend
-- about: >
--   Events of `event`, any when it is empty, for which `event_where` holds; `figure` is the number in `value_of`.
-- params:
--   event: {type: list, default: [""]}
--   event_where: {type: condition, default: "true"}
--   value_of: {type: condition, default: "null"}
--   origin: {type: timestamp}
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
SELECT
    person_id,
    timestamp,
    toTimeZone(toDateTime({origin}), {timezone}) AS origin,
    ifNull($session_id, '') AS session_name,
    toFloat({value_of}) AS figure,
    ifNull({event_group}, '') AS value
FROM events
WHERE timestamp >= toDateTime({since})
    AND timestamp < toDateTime({until})
    AND (has({event}, '') OR event IN {event})
    AND {event_where}
    AND {where}
    AND {audience}
