-- title: Traffic per day
-- about: >
--   Each calendar day of the given timezone that the window touches, those without a visit too: visits (sessions with a
--   pageview, on the day of their first one), visitors (persons, known or anonymous, who saw a page that day) and
--   pageviews. The window is the last `days`, and begins at `since` where that is later. Visits are empty, and not 0, on a
--   day whose pageviews carry no session at all.
-- params: {days: 30, since: {type: timestamp, default: 1970-01-01}}
SELECT day, if(max(unmarked), NULL, sum(began)) AS visits, sum(persons) AS visitors, sum(pages) AS pageviews
FROM (
    SELECT
        day,
        uniqExactIf(visit, visit != '' AND day = first_day) AS began,
        uniqExact(person_id) AS persons,
        count() AS pages,
        countIf(visit != '') = 0 AS unmarked
    FROM (
        SELECT
            person_id,
            $session_id AS visit,
            toDate(toTimeZone(timestamp, {timezone})) AS day,
            min(toDate(toTimeZone(timestamp, {timezone}))) OVER (PARTITION BY $session_id) AS first_day
        FROM events
        WHERE event = '$pageview'
            AND {in_days}
            AND timestamp >= toDateTime({since})
            AND {customer}
    )
    GROUP BY day
    UNION ALL
    SELECT
        arrayJoin(
            arrayMap(
                back -> toDate(toTimeZone(toDateTime({as_of}), {timezone})) - back,
                range(
                    toInt(
                        1 + dateDiff(
                            'day',
                            toDate(
                                toTimeZone(
                                    greatest(
                                        toDateTime({since}), toDateTime({as_of}) - toIntervalHour(24 * {days}) + toIntervalSecond(1)
                                    ),
                                    {timezone}
                                )
                            ),
                            toDate(toTimeZone(toDateTime({as_of}), {timezone}))
                        )
                    )
                )
            )
        ) AS day,
        0 AS began,
        0 AS persons,
        0 AS pages,
        false AS unmarked
)
GROUP BY day
ORDER BY day
