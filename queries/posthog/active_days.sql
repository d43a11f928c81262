-- title: Active people per day
-- about: >
--   Persons with an event on each calendar day (`dau`), and in the 7 and the 30 days that end with it (`wau`, `mau`), as
--   PostHog counts. `again`: how many of the day's people were active once more on one of the 7 days after it. `first` is
--   the first day; events are looked at from `from` on, which is 29 days before it or more where its `mau` is to be right.
--   Days without anybody in their 30 days have no row. A person is in the group of the first value from `since` on; who was
--   not active since then, of the first before. Groups are ordered by the persons active since then; `group_values`: how many there are.
-- params:
--   from: {type: timestamp}
--   first: {type: timestamp}
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
WITH
people AS (
    SELECT
        person_id,
        if(
            max(timestamp) < toDateTime({since}),
            argMinIf(group_of, timestamp, isNotNull(group_of)),
            argMinIf(group_of, timestamp, isNotNull(group_of) AND timestamp >= toDateTime({since}))
        ) AS value,
        toDate(toTimeZone(toDateTime({since}), {timezone})) AS begin,
        arraySort(groupUniqArray(day)) AS days,
        arrayFirst(d -> d >= begin, days) AS entered
    FROM (
        SELECT
            person_id, timestamp, {event_group} AS group_of,
            toDate(toTimeZone(timestamp, {timezone})) AS day
        FROM events
        WHERE timestamp >= toDateTime({from})
            AND timestamp < toDateTime({until})
            AND {where}
            AND {audience}
    )
    GROUP BY person_id
),
-- `gap`: after how many days each person was active again; who was not within 30 days has left every window by then
gaps AS (
    -- by a hash, since texts are slow keys
    SELECT
        cityHash64(ifNull(value, '')) AS hash,
        any(value) AS value,
        stay.1 AS day,
        least(stay.2 - stay.1, 30) AS gap,
        count() AS persons,
        countIf(stay.1 = entered) AS entrants
    FROM (
        SELECT value, entered, arrayJoin(arrayZip(days, arrayPushBack(arrayPopFront(days), days[length(days)] + 30))) AS stay
        FROM people
    )
    GROUP BY hash, day, gap
),
-- a person is in the windows of the days from an active one until the next, and so once in each
counted AS (
    SELECT
        value,
        day + later AS date,
        sumIf(persons, later = 0) AS dau,
        sumIf(persons, later < 7) AS wau,
        sum(persons) AS mau,
        sumIf(persons, later = 0 AND gap <= 7) AS again,
        sumIf(entrants, later = 0) AS entered
    FROM (SELECT value, day, gap, persons, entrants, arrayJoin(range(toInt(gap))) AS later FROM gaps)
    GROUP BY value, date
    HAVING date >= toDate(toTimeZone(toDateTime({first}), {timezone}))
        AND toTimeZone(toDateTime({until}), {timezone}) > date
),
sized AS (
    SELECT
        value, date, dau, wau, mau, again, sum(entered) OVER (PARTITION BY value) AS size,
        uniqExact(value) OVER () AS values_there
    FROM counted
),
ranked AS (
    SELECT
        value, date, dau, wau, mau, again, values_there,
        dense_rank() OVER (ORDER BY isNull(value) ASC, size DESC, value ASC) AS place
    FROM sized
)
SELECT
    {group_columns},
    date AS day,
    sum(dau) AS dau,
    sum(wau) AS wau,
    sum(mau) AS mau,
    sum(again) AS again,
    any(values_there) AS group_values
FROM ranked
GROUP BY group_value, group_rank, day
ORDER BY group_rank, day
