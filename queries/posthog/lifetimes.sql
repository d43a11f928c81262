-- title: Lifetimes
-- about: >
--   How many days people stayed, for an estimate by Kaplan and Meier. A lifetime is from the day of somebody's first event
--   to the one after which they were silent for `gone` whole days; it may be 0, and coming back later does not undo it.
--   Who was not silent for so long (`censored`) is known to have stayed until `gone` days ago and no longer. `too_new`
--   came later than that. Active is an event of `event`, any when it is empty. People are those whose first one is not
--   before `since`. Days are local ones, and only whole ones count. Groups are
--   ordered by all who were active since then, as in `posthog/churn`; `group_values`: how many there are.
-- params:
--   event: {type: list, default: [""]}
--   gone: 30
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
        min(timestamp) >= toDateTime({since}) AS began,
        arrayReverse(arraySort(groupUniqArray(age))) AS ages
    FROM (
        {daily_ages}
    )
    GROUP BY person_id
    HAVING max(timestamp) >= toDateTime({since})
),
people AS (
    SELECT
        if({of_person}, nullIf(toString(p.properties[{person_property}]), ''), seen.seen_value) AS value,
        began,
        ages[1] AS first_age,
        -- the day after which nothing came for so long; 0 is the last moment
        arrayFirst((a, n) -> a - if(n < length(ages), ages[n + 1], 0) > {gone}, ages, arrayEnumerate(ages)) AS last_age
    FROM seen LEFT JOIN persons AS p ON p.id = seen.person_id
    WHERE {audience}
),
ends AS (
    SELECT
        value,
        multiIf(NOT began, 'before', last_age > 0, 'ended', first_age > {gone}, 'censored', 'too_new') AS outcome,
        multiIf(outcome = 'ended', first_age - last_age, outcome = 'censored', first_age - {gone} - 1, 0) AS days
    FROM people
),
cells AS (
    SELECT value, outcome, days, count() AS persons FROM ends GROUP BY value, outcome, days
),
sized AS (
    SELECT
        value, outcome, days, persons, sum(persons) OVER (PARTITION BY value) AS size,
        uniqExact(value) OVER () AS values_there
    FROM cells
),
ranked AS (
    SELECT value, outcome, days, persons, values_there, dense_rank() OVER (ORDER BY isNull(value) ASC, size DESC, value ASC) AS place
    FROM sized
)
SELECT
    {group_columns},
    outcome,
    days,
    sum(persons) AS people,
    any(values_there) AS group_values
FROM ranked
WHERE outcome != 'before'
GROUP BY group_value, group_rank, outcome, days
ORDER BY group_rank, days, outcome
