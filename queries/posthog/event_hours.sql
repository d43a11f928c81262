-- title: Events per hour
-- about: How many events there were in each hour of each calendar day; hours without any have no row.
-- params:
--   since: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
--   everyone: true
--   people: {type: list, default: [""]}
SELECT
    toDate(toTimeZone(timestamp, {timezone})) AS date,
    toHour(toTimeZone(timestamp, {timezone})) AS hour,
    count() AS events
FROM events
WHERE timestamp >= toDateTime({since})
    AND timestamp < toDateTime({until})
    AND {where}
    AND ({everyone} OR person_id IN (
        SELECT id FROM persons
        WHERE {identified} AND (has({people}, '') OR lowerUTF8(trim(properties.email)) IN {people})
    ))
    AND person_id NOT IN (
        SELECT id
        FROM (SELECT id, lowerUTF8(trim(properties.email)) AS email, {opted_out} AS said_no FROM persons)
        WHERE said_no OR arrayExists(
            own -> email = own
                OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own)))),
            {internal}
        )
    )
GROUP BY date, hour
ORDER BY date, hour
