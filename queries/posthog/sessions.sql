-- title: Sessions
-- about: >
--   Sessions that began within the window (`period` 1) and within the one as long before it (`period` 0), as PostHog
--   defines them: the events of one `$session_id`; its length in seconds from first to last; a bounce has one pageview
--   at the most, no autocapture, and lasted less than 10 seconds, and without any pageview it is unknown
--   (`with_pageview` counts the others). Where no session has events of two moments, their lengths are unknown.
--   `people` had one. With `where`, sessions with an event that fulfils it, each of them whole. Rows without `bucket`
--   are those of the whole period; with `buckets`, those of the window are counted by `interval`, too, from that of
--   `origin` on. A session is in the group of the first value in it; `group_values`: how many there are in the window.
--   The six lengths are half-open.
-- params:
--   since: {type: timestamp}
--   before: {type: timestamp}
--   until: {type: timestamp}
--   buckets: true
--   interval: day
--   sundays: false
--   origin: {type: timestamp}
--   where: {type: condition, default: "true"}
WITH
visits AS (
    SELECT
        -- a number is half the work of a text; in ten million sessions, two have the same once in 300 000 times
        cityHash64($session_id) AS session_hash,
        any(cityHash64(person_id)) AS person,
        min(timestamp) AS began,
        dateDiff('second', began, max(timestamp)) AS seconds,
        countIf(event = '$pageview') > 0 AS seen,
        -- an event that was sent twice is one
        minIf(cityHash64(uuid), event = '$pageview') = maxIf(cityHash64(uuid), event = '$pageview')
            AND countIf(event = '$autocapture') = 0 AS still,
        argMinIf(group_of, timestamp, isNotNull(group_of)) AS value
    FROM (
        SELECT $session_id, person_id, event, uuid, timestamp, {event_group} AS group_of, {where} AS wanted
        FROM events
        -- a session lasts a day at the most
        WHERE timestamp >= toDateTime({before}) - toIntervalDay(1)
            AND timestamp < least(toDateTime({until}) + toIntervalDay(1), greatest(toDateTime({until}), toDateTime({as_of})))
            AND $session_id != ''
            AND {audience}
    )
    GROUP BY session_hash
    HAVING began >= toDateTime({before}) AND began < toDateTime({until}) AND countIf(wanted) > 0
),
numbered AS (
    SELECT
        person,
        seconds,
        seen,
        still,
        value,
        began >= toDateTime({since}) AS now,
        toTimeZone(toDateTime({origin}), {timezone}) AS origin,
        toTimeZone(began, {timezone}) AS local,
        -- a Sunday's week is the Monday's of the day after; hours are counted out, as clocks may be off by half of one
        -- `if` of a constant leaves out what is not asked for
        if(
            {buckets},
            if(
                {interval} = 'hour',
                toInt(floor(dateDiff('second', origin, began) / 3600)),
                if({sundays}, dateDiff('week', addDays(origin, 1), addDays(local, 1)), dateDiff({interval}, origin, local))
            ),
            0
        ) AS number
    FROM visits
),
counted AS (
    SELECT
        -- by a hash, since texts are slow keys
        cityHash64(ifNull(value, '')) AS hash,
        any(value) AS value,
        now,
        number,
        uniqExactState(person) AS persons,
        count() AS visits,
        sum(seconds) AS length,
        groupArray(seconds) AS lengths,
        countIf(seen AND still AND seconds < 10) AS bounced,
        countIf(seen) AS with_page,
        countIf(seconds < 30) AS below_30s,
        countIf(seconds < 120) AS below_2m,
        countIf(seconds < 300) AS below_5m,
        countIf(seconds < 900) AS below_15m,
        countIf(seconds < 1800) AS below_30m
    FROM numbered
    GROUP BY hash, now, number
),
sized AS (
    SELECT
        *,
        sum(if(now, visits, 0)) OVER (PARTITION BY value) AS size,
        uniqExactIf(value, now) OVER () AS values_there
    FROM counted
),
ranked AS (
    SELECT *, dense_rank() OVER (ORDER BY isNull(value) ASC, size DESC, value ASC) AS place FROM sized
),
grouped AS (
    SELECT
        {group_columns},
        if(now, 1, 0) AS period,
        if(arrayJoin({buckets} AND now ? [true, false] : [true]), NULL, number) AS bucket,
        uniqExactMerge(persons) AS people,
        sum(visits) AS sessions,
        sum(length) AS length,
        arraySort(arrayFlatten(groupArray(lengths))) AS sorted,
        sum(bounced) AS bounces,
        sum(with_page) AS with_pageview,
        sum(below_30s) AS below_30s,
        sum(below_2m) AS below_2m,
        sum(below_5m) AS below_5m,
        sum(below_15m) AS below_15m,
        sum(below_30m) AS below_30m,
        any(values_there) AS group_values
    FROM ranked
    GROUP BY group_value, group_rank, period, bucket
)
SELECT
    group_value,
    group_rank,
    period,
    bucket,
    people,
    sessions,
    if(sum(length) OVER () > 0, length / sessions, NULL) AS mean_seconds,
    if(
        isNotNull(mean_seconds), (sorted[intDiv(sessions + 1, 2)] + sorted[intDiv(sessions + 2, 2)]) / 2, NULL
    ) AS median_seconds,
    bounces,
    with_pageview,
    below_30s AS to_30s,
    below_2m - below_30s AS to_2m,
    below_5m - below_2m AS to_5m,
    below_15m - below_5m AS to_15m,
    below_30m - below_15m AS to_30m,
    sessions - below_30m AS longer,
    group_values
FROM grouped
ORDER BY group_rank, period, bucket
