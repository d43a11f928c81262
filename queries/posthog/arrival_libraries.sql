-- title: The libraries that send each event
-- about: With which version of which SDK (`$lib`, `$lib_version`) each event of the last `days` was sent.
-- params: {days: 30}
SELECT
    event,
    ifNull(toString(properties.$lib), '') AS library,
    ifNull(toString(properties.$lib_version), '') AS version,
    count() AS events,
    max(timestamp) AS last_at
FROM events
WHERE {in_days}
    AND {customer}
GROUP BY event, library, version
ORDER BY event, library, version
