-- title: Newest event
-- about: >
--   Up to which moment PostHog has events, and when it took in the last of those: a source that lags behind shows here.
--   Only the last `days` are looked at.
-- params: {days: 30}
SELECT
    'events' AS kind,
    if(count() = 0, NULL, max(timestamp)) AS newest_at
FROM events
WHERE {in_days}
    AND {customer}
