-- title: Where visits come from
-- about: >
--   A visit is a session with a pageview within `days`, and belongs to the referring domain of its first one; `$direct` is
--   PostHog's word for none. Visitors are persons, known or anonymous; who came from two domains counts for both.
--   Pageviews that carry no session are no visit and stand in a row of their own.
-- params: {days: 30, since: {type: timestamp, default: 1970-01-01}}
SELECT
    if(visit = '', '(no session)', first_domain) AS domain,
    {visit_counts}
FROM (
    SELECT
        $session_id AS visit,
        argMin(coalesce(nullIf(properties.$referring_domain, ''), '(not recorded)'), (timestamp, uuid)) AS first_domain,
        argMin(person_id, (timestamp, uuid)) AS visitor,
        count() AS pageviews
    FROM events
    WHERE event = '$pageview'
        AND {in_days}
        AND timestamp >= toDateTime({since})
        AND {customer}
    GROUP BY visit, if(visit = '', toString(person_id), '')
)
GROUP BY domain
ORDER BY visits DESC, pageviews DESC, domain
