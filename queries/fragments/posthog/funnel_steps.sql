-- title: The steps of a funnel
-- about: >
--   Needs `furthest`: a `person`, the `value` of their group, the `bucket` and the `times` (ms) at which they reached each
--   step. A row per group, bucket and step; with `each` above 0 one per person who stopped at that step.
-- params:
--   steps: {type: list}
--   window: 1209600
--   until: {type: timestamp}
--   each: 0
SELECT
    any(group_value) AS group_value,
    group_rank,
    step,
    if({each} > 0, toString(who), '') AS person_id,
    if({each} > 0, address, '') AS email,
    count() AS persons,
    countIf(reached = step AND step < length({steps}) AND begun > toUnixTimestamp64Milli(toDateTime64({until}, 3)) - 1000 * {window}) AS open,
    avgIf(seconds, seconds > 0) AS mean_seconds,
    (medianExactLowIf(seconds, seconds > 0) + medianExactHighIf(seconds, seconds > 0)) / 2 AS median_seconds,
    countIf(step > 1 AND seconds = 0) AS at_once,
    fromUnixTimestamp64Milli(min(ms)) AS first_at,
    any(values_there) AS group_values,
    bucket
FROM (
    SELECT
        ranked.person AS who,
        known.email AS address,
        {group_columns},
        values_there,
        bucket,
        times[1] AS begun,
        length(times) AS reached,
        arrayJoin(arrayEnumerate(times)) AS step,
        times[step] AS ms,
        if(step > 1, ms - times[step - 1], 0) / 1000 AS seconds
    FROM (
        SELECT person, value, times, values_there, bucket, dense_rank() OVER (ORDER BY isNull(value) ASC, entered DESC, value ASC) AS place
        FROM (
            SELECT
                person, value, times, bucket,
                sum(if(bucket < 0, 1, 0)) OVER (PARTITION BY value) AS entered,
                uniqExact(value) OVER () AS values_there
            FROM furthest
        )
    ) AS ranked
    LEFT JOIN (
        SELECT id, {email_of_person} AS email FROM persons WHERE {each} > 0
    ) AS known ON known.id = ranked.person
)
WHERE {each} = 0 OR (step = {each} AND reached = {each})
GROUP BY group_rank, bucket, step, person_id, email
ORDER BY group_rank, bucket, step, email, person_id
