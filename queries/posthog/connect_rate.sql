-- title: "{Connect_rate}"
-- about: >
--   Of the persons with a pageview in the window, known or anonymous, how many clicked to connect {a server} in it.
--   Both are persons of PostHog; who clicked without a pageview is in neither.
-- params: {days: 30}
-- metric: {label: "{Connect_rate}", kind: rate, good: at least 5 %, excellent: above 10 %}
SELECT day, countIf(clicked) AS hits, count() AS n
FROM (
    SELECT if(whole, NULL, date) AS day, person_id, max(visits) > 0 AS visited, max(clicks) > 0 AS clicked
    FROM (
        SELECT
            person_id,
            toDate(toTimeZone(timestamp, {timezone})) AS date,
            countIf(event = '$pageview') AS visits,
            countIf({connect_clicked}) AS clicks,
            arrayJoin([true, false]) AS whole
        FROM events
        WHERE (event = '$pageview' OR {connect_clicked})
            AND timestamp >= toTimeZone(toDateTime({as_of}), {timezone}) - toIntervalDay({days})
            AND timestamp < toDateTime({as_of})
            AND {customer}
        GROUP BY person_id, date, whole
    )
    GROUP BY day, person_id
    HAVING visited
)
GROUP BY day
ORDER BY day
