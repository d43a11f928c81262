-- title: What marks those who leave
-- about: >
--   Of the people who were active in the `gone` whole days before the last `gone` ones: how many did what in that time,
--   and how many of them did nothing in the last `gone` days. A fact is the name of an event; that without a name is
--   everybody, and `came_new` is that their first event came in that time. Active is an event of `event`, any when it is
--   empty; what else people did are facts all the same. `regular` and `silent` are those of `posthog/churn`.
-- params:
--   event: {type: list, default: [""]}
--   gone: 30
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
WITH
-- by person first: who they are is looked up once each, not once per event
seen AS (
    SELECT
        person_id,
        arrayFilter(a -> a > {gone} AND a <= 2 * {gone}, groupUniqArrayIf(age, acts)) AS active,
        arrayMin(active) - {gone} - 1 AS idle,
        countIf(acts AND age > 0 AND age <= {gone}) = 0 AS has_left,
        max(age) <= 2 * {gone} AS is_new,
        groupUniqArrayIf(event, age > {gone} AND age <= 2 * {gone}) AS did
    FROM (
        SELECT
            person_id,
            event,
            has({event}, '') OR event IN {event} AS acts,
            dateDiff('day', toTimeZone(timestamp, {timezone}), toTimeZone(toDateTime({until}), {timezone})) AS age
        FROM events
        WHERE timestamp < toDateTime({until})
            AND timestamp >= toDateTime({since})
            AND {where}
    )
    GROUP BY person_id
    HAVING notEmpty(active)
),
people AS (
    SELECT active, idle, has_left, is_new, did FROM seen WHERE {audience}
)
SELECT
    multiIf(length(active) = 1, 1, length(active) < 5, 2, 3) AS regular,
    multiIf(4 * idle < {gone}, 0, 2 * idle < {gone}, 1, 2) AS silent,
    arrayJoin(arrayPushBack(did, '')) AS event,
    event = '' AND is_new AS came_new,
    count() AS people,
    countIf(has_left) AS left_after
FROM people
GROUP BY regular, silent, event, came_new
ORDER BY regular, silent, people DESC, event, came_new
