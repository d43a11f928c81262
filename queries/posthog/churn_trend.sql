-- title: Churn over time
-- about: >
--   How many people were here in each bucket, and how many of them left in it. Here is who was active in the bucket, or
--   before and after it with fewer than `gone` whole days of silence in between. Who was silent for `gone` whole days left
--   in the bucket of the day before the silence, unless they came back in the same one: `left_after` counts each leaving
--   once. Buckets are numbered from that of `origin` on; in those that end less than `gone` days ago not all who leave are
--   known. Active is an event of `event`, any when it is empty.
-- params:
--   event: {type: list, default: [""]}
--   gone: 30
--   interval: month
--   sundays: false
--   origin: {type: timestamp}
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
--   person_property: ""
--   of_person: false
WITH
-- by person first: who they are is looked up once each, not once per event
seen AS (
    SELECT
        person_id,
        argMinIf(group_of, timestamp, isNotNull(group_of) AND timestamp >= toDateTime({since})) AS seen_value,
        arrayReverse(arraySort(groupUniqArray(age))) AS ages
    FROM (
        {daily_ages}
            -- who was here before may still be
            AND timestamp >= toDateTime({since}) - toIntervalDay({gone} + 1)
    )
    GROUP BY person_id
    HAVING max(timestamp) >= toDateTime({since})
),
people AS (
    SELECT
        if({of_person}, nullIf(toString(p.properties[{person_property}]), ''), seen.seen_value) AS value,
        count() OVER (PARTITION BY value) AS size,
        uniqExact(value) OVER () AS values_there,
        ages
    FROM seen LEFT JOIN persons AS p ON p.id = seen.person_id
    WHERE {audience}
),
ranked AS (
    SELECT value, values_there, ages, dense_rank() OVER (ORDER BY isNull(value) ASC, size DESC, value ASC) AS place FROM people
),
-- of each active day the next one, or the last moment, and in which buckets both are; a Sunday's week is the Monday's of
-- the day after
days AS (
    SELECT
        value,
        place,
        values_there,
        ages,
        addDays(toTimeZone(toDateTime({origin}), {timezone}), if({sundays}, 1, 0)) AS origin,
        addDays(toStartOfDay(toTimeZone(toDateTime({until}), {timezone})), if({sundays}, 1, 0)) AS last_day,
        arrayPushBack(arrayPopFront(ages), 0) AS next_ages,
        arrayMap(age -> dateDiff({interval}, origin, addDays(last_day, 0 - age)), ages) AS buckets,
        arrayMap(age -> dateDiff({interval}, origin, addDays(last_day, 0 - age)), next_ages) AS next_buckets
    FROM ranked
),
stays AS (
    SELECT
        value,
        place,
        values_there,
        arrayMap(
            (age, next, bucket, then) -> range(bucket, if(age - next > {gone}, bucket, then) + 1),
            ages, next_ages, buckets, next_buckets
        ) AS stayed,
        arrayFilter(
            (bucket, age, next, then, n) -> age - next > {gone} AND (n = length(ages) OR then != bucket),
            buckets, ages, next_ages, next_buckets, arrayEnumerate(ages)
        ) AS leavings,
        arrayJoin(arrayDistinct(arrayFlatten(stayed))) AS bucket
    FROM days
)
SELECT
    {group_columns},
    bucket,
    count() AS people,
    countIf(has(leavings, bucket)) AS left_after,
    any(values_there) AS group_values
FROM stays
WHERE bucket >= 0
GROUP BY group_value, group_rank, bucket
ORDER BY group_rank, bucket
