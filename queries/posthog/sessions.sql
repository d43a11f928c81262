-- title: Sessions
-- about: >
--   Sessions that began within the window (`period` 1) and within the one as long before it (`period` 0), as PostHog
--   defines them: the events of one `$session_id`; its length in seconds from first to last; a bounce has one pageview at
--   the most, no autocapture, and lasted less than 10 seconds, and without any pageview it is unknown (`with_pageview`
--   counts the others). `people` had one. Rows without `day` are those of the whole period; days are counted from that
--   of `since` on. A session is in the group of the first value in it. The six lengths are half-open.
-- params:
--   since: {type: timestamp}
--   before: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
--   everyone: true
--   people: {type: list, default: [""]}
--   grouped: false
--   group_of: {type: condition, default: "''"}
--   top: 5
WITH
visits AS (
    SELECT
        -- a number is half the work of a text; in ten million sessions, two have the same once in 300 000 times
        cityHash64($session_id) AS session,
        any(person_id) AS person,
        min(timestamp) AS began,
        dateDiff('second', began, max(timestamp)) AS seconds,
        countIf(event = '$pageview') > 0 AS seen,
        -- an event that was sent twice is one
        minIf(uuid, event = '$pageview') = maxIf(uuid, event = '$pageview') AND countIf(event = '$autocapture') = 0 AS still,
        if({grouped}, argMinIf(group_of, timestamp, isNotNull(group_of)), NULL) AS value
    FROM (
        SELECT $session_id, person_id, event, uuid, timestamp, nullIf(toString({group_of}), '') AS group_of
        FROM events
        -- a session lasts a day at the most
        WHERE timestamp >= toDateTime({before}) - toIntervalDay(1)
            AND timestamp < least(toDateTime({until}) + toIntervalDay(1), greatest(toDateTime({until}), toDateTime({as_of})))
            AND $session_id != ''
            AND {where}
            AND ({everyone} OR person_id IN (SELECT id FROM persons WHERE lowerUTF8(trim(properties.email)) IN {people}))
            AND person_id NOT IN (
                SELECT id
                FROM (SELECT id, lowerUTF8(trim(properties.email)) AS email FROM persons)
                WHERE arrayExists(
                    own -> email = own
                        OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own)))),
                    {internal}
                )
            )
    )
    GROUP BY session
    HAVING began >= toDateTime({before}) AND began < toDateTime({until})
),
days AS (
    SELECT
        value,
        began >= toDateTime({since}) AS now,
        dateDiff('day', toTimeZone(toDateTime({since}), {timezone}), toTimeZone(began, {timezone})) AS date,
        uniqExactState(cityHash64(person)) AS persons,
        groupArray(seconds) AS lengths,
        countIf(seen AND still AND seconds < 10) AS bounced,
        countIf(seen) AS with_page
    FROM visits
    GROUP BY value, now, date
),
sized AS (
    SELECT value, now, date, persons, lengths, bounced, with_page,
        sum(if(now, length(lengths), 0)) OVER (PARTITION BY value) AS size
    FROM days
),
ranked AS (
    SELECT value, now, date, persons, lengths, bounced, with_page, dense_rank() OVER (ORDER BY size DESC, value ASC) AS place
    FROM sized
),
grouped AS (
    SELECT
        if(place <= {top}, value, NULL) AS group_value,
        least(place, {top} + 1) AS group_rank,
        now,
        if(whole, NULL, date) AS day,
        uniqExactMerge(persons) AS people,
        arraySort(arrayFlatten(groupArray(lengths))) AS sorted,
        sum(bounced) AS bounces,
        sum(with_page) AS with_pageview
    FROM (SELECT *, arrayJoin([true, false]) AS whole FROM ranked)
    GROUP BY group_value, group_rank, now, day
)
SELECT
    group_value,
    group_rank,
    if(now, 1, 0) AS period,
    day,
    people,
    length(sorted) AS sessions,
    arrayAvg(sorted) AS mean_seconds,
    (sorted[intDiv(length(sorted) + 1, 2)] + sorted[intDiv(length(sorted) + 2, 2)]) / 2 AS median_seconds,
    bounces,
    with_pageview,
    arrayCount(seconds -> seconds < 30, sorted) AS to_30s,
    arrayCount(seconds -> seconds >= 30 AND seconds < 120, sorted) AS to_2m,
    arrayCount(seconds -> seconds >= 120 AND seconds < 300, sorted) AS to_5m,
    arrayCount(seconds -> seconds >= 300 AND seconds < 900, sorted) AS to_15m,
    arrayCount(seconds -> seconds >= 900 AND seconds < 1800, sorted) AS to_30m,
    arrayCount(seconds -> seconds >= 1800, sorted) AS longer
FROM grouped
ORDER BY group_rank, period, day
