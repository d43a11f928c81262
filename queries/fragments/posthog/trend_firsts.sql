-- title: The first times of a trend
-- about: >
--   The very first event of `event`, any when it is empty, of each person, if it is in the window and fulfils `event_where` and
--   `where`; with the columns of `trend_events` that groups and periods need.
-- params:
--   event: {type: list, default: [""]}
--   event_where: {type: condition, default: "true"}
--   origin: {type: timestamp}
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
SELECT
    person_id,
    first_at AS timestamp,
    toTimeZone(toDateTime({origin}), {timezone}) AS origin,
    value
FROM (
    SELECT
        person_id,
        min(timestamp) AS first_at,
        argMin(ifNull({event_group}, ''), timestamp) AS value,
        argMin(ifNull({event_where} AND {where}, false), timestamp) AS fulfils
    FROM events
    WHERE timestamp < toDateTime({until})
        AND (has({event}, '') OR event IN {event})
        AND {audience}
    GROUP BY person_id
    HAVING first_at >= toDateTime({since}) AND fulfils
)
