-- title: What new people did
-- about: >
--   Persons with an e-mail whom PostHog saw for the first time within the window: how many of them did each event of the
--   product, and how often; what PostHog sends by itself, such as `$autocapture`, is no news. The window is the last `days`, and begins at `since` where that is later; a person is as it stands today,
--   merged with whom it has been merged since.
-- params: {days: 30, since: {type: timestamp, default: 1970-01-01}}
SELECT event AS did, uniqExact({email_of_event}) AS people, count() AS times
FROM events
WHERE {email_of_event} IS NOT NULL
    AND person.created_at > toDateTime({as_of}) - toIntervalHour(24 * {days})
    AND person.created_at >= toDateTime({since})
    AND timestamp >= toDateTime({since})
    AND timestamp <= toDateTime({as_of})
    AND NOT startsWith(event, '$')
    AND {customer}
GROUP BY did
ORDER BY people DESC, times DESC, did
