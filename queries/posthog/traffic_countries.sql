-- title: Which countries visits come from
-- about: >
--   A visit is a session with a pageview within `days`, and belongs to the country of its first one, as PostHog tells it
--   from the address. Visitors are persons, known or anonymous; who came from two countries counts for both. Pageviews
--   that carry no session are no visit and stand in a row of their own.
-- params: {days: 30, since: {type: timestamp, default: 1970-01-01}}
SELECT
    if(visit = '', '(no session)', first_country) AS country,
    {visit_counts}
FROM (
    SELECT
        $session_id AS visit,
        argMin(coalesce(nullIf(properties.$geoip_country_code, ''), '(not recorded)'), (timestamp, uuid)) AS first_country,
        argMin(person_id, (timestamp, uuid)) AS visitor,
        count() AS pageviews
    FROM events
    WHERE event = '$pageview'
        AND {in_days}
        AND timestamp >= toDateTime({since})
        AND {customer}
    GROUP BY visit, if(visit = '', toString(person_id), '')
)
GROUP BY country
ORDER BY visits DESC, pageviews DESC, country
