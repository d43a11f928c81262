-- title: Where one person came from
-- about: >
--   The first pageview that is theirs, also from before they were known: its page and the domain that referred to it
--   (`$direct` for none). One row; without a pageview all of it is NULL.
-- params: {email: {type: list}}
SELECT
    if(count() = 0, NULL, min(timestamp)) AS first_at,
    argMin(properties.$referring_domain, timestamp) AS referrer,
    argMin(properties.$pathname, timestamp) AS page
FROM {keyed_events}
WHERE event = '$pageview'
    AND has({email}, {event_key})
    AND timestamp <= toDateTime({as_of})
    AND {customer}
