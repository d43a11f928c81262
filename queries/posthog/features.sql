-- title: Features
-- about: >
--   Per feature: how often it was used, by how many persons, for how long, on which days and in which periods, and when
--   last. A use is an event of `event` (several with | between them); what the feature is called is its `property`, or the
--   event's own name where it has none. Of several categories of a feature the latest one holds. The row without a
--   feature is everybody who was active, with any event: adoption is a share of them. With `known` only persons with an
--   e-mail count; `others` are those active without. Periods are numbered from that of `origin` on, days from its day.
--   `kept` of `could_return`: who used the feature in a period, and again in the next one, over all periods up to the one
--   before `finished`. `seconds` are those of the `timed` uses that say how long they took. A feature used only before
--   `since` has no uses.
-- params:
--   event: feature_used
--   property: feature
--   category: category
--   duration: duration
--   known: false
--   finished: 0
--   interval: week
--   sundays: false
--   origin: {type: timestamp}
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
--   everyone: true
--   people: {type: list, default: [""]}
--   breakdown: usertrack_no_breakdown
--   of_person: false
--   top: 5
WITH
acts AS (
    SELECT
        person_id,
        timestamp,
        lowerUTF8(trim(person.properties.email)) AS email,
        timestamp >= toDateTime({since}) AS inside,
        if({of_person}, person.properties[{breakdown}], if(inside, properties[{breakdown}], NULL)) AS group_of,
        has(splitByChar('|', {event}), event) AS used,
        if(used, coalesce(nullIf(toString(properties[{property}]), ''), event), '') AS feature,
        if(used, nullIf(toString(properties[{category}]), ''), NULL) AS category_of,
        if(used, toFloat(properties[{duration}]), NULL) AS took,
        ifNull(inside AND isFinite(took) AND took >= 0, false) AS is_timed,
        toTimeZone(toDateTime({origin}), {timezone}) AS origin,
        dateDiff('day', origin, toTimeZone(timestamp, {timezone})) AS day,
        -- a Sunday's week is the Monday's of the day after
        if(
            {sundays},
            dateDiff('week', addDays(origin, 1), addDays(toTimeZone(timestamp, {timezone}), 1)),
            dateDiff({interval}, origin, toTimeZone(timestamp, {timezone}))
        ) AS period
    FROM events
    WHERE timestamp < toDateTime({until})
        AND (timestamp >= toDateTime({since}) OR has(splitByChar('|', {event}), event))
        AND {where}
        AND ({everyone} OR email IN {people})
        AND NOT arrayExists(
            own -> email = own
                OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own)))),
            {internal}
        )
),
uses AS (
    SELECT
        person_id,
        feature,
        any(email) AS address,
        argMinIf(group_of, timestamp, isNotNull(group_of)) AS value,
        minIf(timestamp, isNotNull(group_of)) AS value_at,
        argMaxIf(category_of, timestamp, isNotNull(category_of)) AS category,
        maxIf(timestamp, isNotNull(category_of)) AS category_at,
        countIf(inside AND used) AS times,
        ifNull(sumIf(took, is_timed), 0) AS seconds,
        countIf(is_timed) AS timed,
        groupUniqArrayIf(period, inside) AS periods,
        groupArrayIf(day, inside AND used) AS days,
        max(timestamp) AS last_at
    FROM acts
    GROUP BY person_id, feature
),
people AS (
    SELECT
        person_id,
        NOT {known} OR ifNull(any(address), '') != '' AS counts,
        argMinIf(value, value_at, isNotNull(value)) AS value,
        sum(times) AS all_times,
        arrayDistinct(arrayFlatten(groupArray(periods))) AS active,
        groupArrayIf(tuple(feature, category, category_at, times, seconds, timed, periods, days, last_at), feature != '') AS used
    FROM uses
    GROUP BY person_id
),
-- per person a row of each feature, and one for being active at all
rows AS (
    SELECT
        counts,
        value,
        if(n = 0, '', used[n].1) AS feature,
        if(n = 0, NULL, used[n].2) AS category,
        used[n].3 AS category_at,
        if(n = 0, all_times, used[n].4) AS times,
        used[n].5 AS seconds,
        used[n].6 AS timed,
        if(n = 0, active, used[n].7) AS periods,
        used[n].8 AS days,
        used[n].9 AS last_at
    FROM (SELECT counts, value, all_times, active, used, arrayJoin(range(0, length(used) + 1)) AS n FROM people)
    WHERE counts OR n = 0
),
cells AS (
    SELECT
        value,
        feature,
        argMaxIf(category, category_at, isNotNull(category)) AS category,
        sumIf(times, counts) AS uses,
        countIf(counts AND notEmpty(periods)) AS persons,
        countIf(NOT counts AND notEmpty(periods)) AS others,
        sumIf(times, NOT counts) AS others_uses,
        sum(seconds) AS seconds,
        sum(timed) AS timed,
        sum(arrayCount(p -> p < {finished}, periods)) AS could_return,
        sum(arrayCount(p -> p < {finished} AND has(periods, p + 1), periods)) AS kept,
        max(last_at) AS last_at,
        sumMap(arrayFilter(p -> counts, periods) AS counted, arrayMap(p -> 1, counted)) AS by_period,
        sumMap(days, arrayMap(d -> 1, days)) AS by_day
    FROM rows
    GROUP BY value, feature
),
sized AS (
    SELECT *, sum(if(feature = '', persons, 0)) OVER (PARTITION BY value) AS size FROM cells
),
ranked AS (
    SELECT *, dense_rank() OVER (ORDER BY size DESC, value ASC) AS place FROM sized
)
SELECT
    if(place <= {top}, value, NULL) AS group_value,
    least(place, {top} + 1) AS group_rank,
    feature,
    any(category) AS category,
    sum(uses) AS uses,
    sum(persons) AS people,
    sum(others) AS others,
    sum(others_uses) AS others_uses,
    sum(seconds) AS seconds,
    sum(timed) AS timed,
    sum(could_return) AS could_return,
    sum(kept) AS kept,
    max(last_at) AS last_at,
    sumMap(by_period.1, by_period.2).1 AS periods,
    sumMap(by_period.1, by_period.2).2 AS period_people,
    sumMap(by_day.1, by_day.2).1 AS days,
    sumMap(by_day.1, by_day.2).2 AS day_uses
FROM ranked
GROUP BY group_value, group_rank, feature
ORDER BY group_rank, uses DESC, feature
