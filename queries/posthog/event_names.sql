-- title: Event names
-- about: Every event that ever occurred, with how often. Names that were mistyped are looked up here.
SELECT event, count() AS events
FROM events
WHERE timestamp <= toDateTime({as_of})
    AND {customer}
GROUP BY event
ORDER BY events DESC, event
