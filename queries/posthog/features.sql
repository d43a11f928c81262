-- title: Who uses which feature
-- about: >
--   How many persons used each feature: over `all` the time, in each `period`, and in one of the two periods that begin at
--   a `pair`'s. A use is an event of `event`; what the feature is called is its `property`,
--   or the event's own name where it has none. The rows without a feature are everybody who was active, with any event:
--   adoption is a share of them. Periods are numbered from that of `origin` on. Sets of persons are merged, so that events
--   are looked at once. `group_values`: how many values the breakdown has.
-- params:
--   event: {type: list, default: [feature_used]}
--   property: feature
--   origin: {type: timestamp}
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
WITH
groups AS ({person_groups}),
acts AS (
    SELECT
        person_id,
        groups.value AS value,
        if(
            event IN {event},
            coalesce(nullIf(toString(properties[{property}]), ''), event),
            ''
        ) AS feature,
        toTimeZone(toDateTime({origin}), {timezone}) AS origin,
        {bucket} AS period
    FROM events
    LEFT JOIN groups ON groups.member = events.person_id
    WHERE timestamp >= toDateTime({since})
        AND timestamp < toDateTime({until})
        AND {where}
        AND {audience}
),
seen AS (
    SELECT value, feature, period, uniqExactState(person_id) AS persons
    FROM acts
    GROUP BY value, feature, period
),
spans AS (
    SELECT
        value,
        arrayJoin(if(feature = '', [''], ['', feature])) AS name,
        arrayJoin([tuple('all', 0), tuple('period', period), tuple('pair', period), tuple('pair', period - 1)]) AS span,
        persons
    FROM seen
),
cells AS (
    SELECT value, name, span.1 AS kind, span.2 AS at, uniqExactMerge(persons) AS persons
    FROM spans
    WHERE name != '' OR kind != 'pair'
    GROUP BY value, name, kind, at
),
sized AS (
    SELECT
        *,
        sum(if(name = '' AND kind = 'all', persons, 0)) OVER (PARTITION BY value) AS size,
        uniqExact(value) OVER () AS values_there
    FROM cells
),
ranked AS (
    SELECT *, dense_rank() OVER (ORDER BY isNull(value) ASC, size DESC, value ASC) AS place FROM sized
)
SELECT
    {group_columns},
    name AS feature,
    kind,
    at,
    sum(persons) AS people,
    any(values_there) AS group_values
FROM ranked
GROUP BY group_value, group_rank, feature, kind, at
ORDER BY group_rank, feature, kind, at
