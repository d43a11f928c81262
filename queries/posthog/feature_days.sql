-- title: Uses of features by day
-- about: >
--   How often each feature was used on which local day, for how long, and when last, for the persons whom `posthog/features`
--   counts. Of several categories of a feature the latest one holds. `seconds` are those of the `timed` uses that say how long they took.
--   Days are numbered from that of `origin` on; what was before `since` has no day and no uses.
-- params:
--   event: {type: list, default: [feature_used]}
--   property: feature
--   category: category
--   duration: duration
--   origin: {type: timestamp}
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
WITH
groups AS ({person_groups}),
acts AS (
    SELECT
        timestamp,
        groups.value AS value,
        coalesce(nullIf(toString(properties[{property}]), ''), event) AS feature,
        nullIf(toString(properties[{category}]), '') AS category_of,
        timestamp >= toDateTime({since}) AS inside,
        toFloat(properties[{duration}]) AS took,
        ifNull(inside AND isFinite(took) AND took >= 0, false) AS is_timed,
        if(
            inside,
            dateDiff('day', toTimeZone(toDateTime({origin}), {timezone}), toTimeZone(timestamp, {timezone})),
            NULL
        ) AS day
    FROM events
    LEFT JOIN groups ON groups.member = events.person_id
    WHERE event IN {event}
        AND timestamp < toDateTime({until})
        AND {where}
        AND {audience}
)
SELECT
    value AS group_value,
    feature,
    day,
    countIf(inside) AS uses,
    ifNull(sumIf(took, is_timed), 0) AS seconds,
    countIf(is_timed) AS timed,
    argMaxIf(category_of, timestamp, isNotNull(category_of)) AS category,
    max(timestamp) AS last_at
FROM acts
GROUP BY group_value, feature, day
ORDER BY feature, day, group_value
