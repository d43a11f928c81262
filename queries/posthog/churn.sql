-- title: Churn
-- about: >
--   Who was active in `gone` whole days, and whether they were in the `gone` days after. Periods are counted back from
--   `until`: period 0 ends with the last whole day, and what comes after it is not known yet; `periods` are looked at.
--   `regular` is 1 for people active on one day of the period, 2 for two to four, 3 for more; `silent` is 0 for people
--   last active in its last quarter, 1 in the one before, 2 for all others. Active is an event of `event`, any when it is
--   empty. `oldest` is how many days ago the first event was.
-- params:
--   event: {type: list, default: [""]}
--   gone: 30
--   periods: 12
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
        argMinIf(group_of, timestamp, isNotNull(group_of)) AS seen_value,
        groupUniqArray(age) AS ages
    FROM (
        {daily_ages}
            AND timestamp >= toDateTime({since})
    )
    GROUP BY person_id
),
people AS (
    SELECT
        if({of_person}, nullIf(toString(p.properties[{person_property}]), ''), seen.seen_value) AS value,
        count() OVER (PARTITION BY value) AS size,
        ages,
        max(arrayMax(ages)) OVER () AS oldest
    FROM seen LEFT JOIN persons AS p ON p.id = seen.person_id
    WHERE {audience}
),
ranked AS (
    SELECT value, ages, oldest, dense_rank() OVER (ORDER BY isNull(value) ASC, size DESC, value ASC) AS place FROM people
),
states AS (
    SELECT
        {group_columns},
        oldest,
        arrayJoin(range(0, {periods})) AS past,
        arrayFilter(a -> a > past * {gone} AND a <= (past + 1) * {gone}, ages) AS active,
        arrayMin(active) - past * {gone} - 1 AS idle,
        past > 0 AND NOT arrayExists(a -> a > (past - 1) * {gone} AND a <= past * {gone}, ages) AS has_left
    FROM ranked
)
SELECT
    group_value,
    group_rank,
    past AS period,
    multiIf(length(active) = 1, 1, length(active) < 5, 2, 3) AS regular,
    multiIf(4 * idle < {gone}, 0, 2 * idle < {gone}, 1, 2) AS silent,
    count() AS people,
    countIf(has_left) AS left_after,
    any(oldest) AS oldest
FROM states
WHERE notEmpty(active)
GROUP BY group_value, group_rank, period, regular, silent
ORDER BY group_rank, period, regular, silent
