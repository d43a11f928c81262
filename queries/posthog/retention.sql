-- title: Retention
-- about: >
--   How many persons of each cohort came back in which later period, as PostHog counts. `first_time`: a cohort is who did
--   the target event for the first time ever in its period; else everybody is in the cohort of each period in which they
--   did it. Period 0 is the size of the cohort, whether or not its people did the returning event; period k counts those
--   who did it in the k-th calendar period after, `minimum` times or more. An empty target or returning is any event that
--   fulfils its condition. Cohorts are numbered from the period of `origin` on. Whose e-mail is the k-th of `emails` began at
--   the k-th of `began`, in Unix seconds, too.
-- params:
--   target: {type: list, default: [""]}
--   target_where: {type: condition, default: "true"}
--   returning: {type: list, default: [""]}
--   returning_where: {type: condition, default: "true"}
--   emails: {type: list, default: [""]}
--   began: {type: list, default: ["0"]}
--   first_time: true
--   minimum: 1
--   origin: {type: timestamp}
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
WITH
acts AS (
    SELECT
        person_id, timestamp, {event_group} AS group_of,
        (has({target}, '') OR event IN {target}) AND ifNull({target_where}, false) AS starts,
        (has({returning}, '') OR event IN {returning}) AND ifNull({returning_where}, false) AS returned,
        returned AND timestamp >= toDateTime({since}) AS returns,
        toTimeZone(toDateTime({origin}), {timezone}) AS origin,
        {bucket} AS period
    FROM events
    WHERE timestamp < toDateTime({until})
        AND ({first_time} OR timestamp >= toDateTime({since}))
        AND {where}
        AND {audience}
    UNION ALL
    SELECT
        person_id, timestamp, NULL AS group_of, true AS starts, false AS returned, false AS returns,
        toTimeZone(toDateTime({origin}), {timezone}) AS origin,
        {bucket} AS period
    FROM (
        SELECT id AS person_id, fromUnixTimestamp(toInt(arrayElement({began}, indexOf({emails}, email)))) AS timestamp
        FROM (SELECT id, {email_of_person} AS email FROM persons)
        WHERE email != '' AND email IN {emails}
    )
    WHERE {audience}
),
people AS (
    SELECT
        person_id,
        argMinIf(group_of, timestamp, starts) AS value,
        if({first_time}, [minIf(period, starts)], groupUniqArrayIf(period, starts)) AS began,
        minIf(timestamp, starts) AS first_at,
        groupArrayIf(period, returns) AS all_returns,
        arrayFilter(p -> {minimum} < 2 OR countEqual(all_returns, p) >= {minimum}, arrayDistinct(all_returns)) AS came_back
    FROM acts
    GROUP BY person_id
    HAVING countIf(starts) > 0 AND (NOT {first_time} OR first_at >= toDateTime({since}))
),
cells AS (
    SELECT
        value,
        cohort,
        arrayJoin(arrayConcat([0], arrayFilter(k -> k > 0, arrayMap(p -> p - cohort, came_back)))) AS later,
        count() AS persons,
        countIf(later = 0 AND cohort = arrayMin(began)) AS entered
    FROM (SELECT value, came_back, began, arrayJoin(began) AS cohort FROM people)
    GROUP BY value, cohort, later
),
sized AS (
    SELECT
        value, cohort, later, persons, sum(entered) OVER (PARTITION BY value) AS size,
        uniqExact(value) OVER () AS values_there
    FROM cells
),
ranked AS (
    SELECT value, cohort, later, persons, values_there, dense_rank() OVER (ORDER BY isNull(value) ASC, size DESC, value ASC) AS place
    FROM sized
)
SELECT
    {group_columns},
    cohort,
    later AS period,
    sum(persons) AS people,
    any(values_there) AS group_values
FROM ranked
GROUP BY group_value, group_rank, cohort, period
ORDER BY group_rank, cohort, period
