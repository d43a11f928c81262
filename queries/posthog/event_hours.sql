-- title: Events per hour
-- about: How many events there were in each hour of each calendar day; hours without any have no row.
-- params:
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
SELECT
    toDate(toTimeZone(timestamp, {timezone})) AS date,
    toHour(toTimeZone(timestamp, {timezone})) AS hour,
    count() AS events
FROM events
WHERE timestamp >= toDateTime({since})
    AND timestamp < toDateTime({until})
    AND {where}
    AND {audience}
GROUP BY date, hour
ORDER BY date, hour
