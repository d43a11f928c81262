-- title: Where the log begins
-- about: The time of the first event of anybody, NULL without any. Who was active before it is not known.
-- params:
--   until: {type: timestamp}
SELECT if(count() = 0, NULL, min(timestamp)) AS begins_at
FROM events
WHERE timestamp < toDateTime({until})
