-- title: Pages by use
-- about: >
--   Each page seen within `days`: how often it was shown, in how many visits (sessions), to how many persons, known or
--   anonymous. A visit counts once for each page it saw. Pageviews that carry no session are in no visit;
--   where none of a page's does, its visits are empty.
-- params: {days: 30, since: {type: timestamp, default: 1970-01-01}}
SELECT
    coalesce(nullIf(properties.$pathname, ''), '(not recorded)') AS page,
    count() AS pageviews,
    if(countIf($session_id != '') = 0, NULL, uniqExactIf($session_id, $session_id != '')) AS visits,
    uniqExact(person_id) AS visitors
FROM events
WHERE event = '$pageview'
    AND {in_days}
    AND timestamp >= toDateTime({since})
    AND {customer}
GROUP BY page
ORDER BY pageviews DESC, page
