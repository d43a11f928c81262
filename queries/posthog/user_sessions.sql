-- title: Sessions of one person
-- about: Each session of the browser within the window, newest first; length in seconds from its first to its last event.
-- params: {email: {type: list}, days: 30}
SELECT
    min(timestamp) AS started_at,
    dateDiff('second', min(timestamp), max(timestamp)) AS seconds,
    count() AS events,
    countIf(event = '$pageview') AS pageviews,
    argMin(properties.$pathname, timestamp) AS entry_page
FROM {keyed_events}
WHERE has({email}, {event_key})
    AND $session_id != ''
    AND {in_days}
    AND {customer}
GROUP BY $session_id
ORDER BY started_at DESC
