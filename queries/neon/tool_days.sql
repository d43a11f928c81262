-- title: Tool calls per day
-- about: >
--   The last `days` calendar days in the given timezone, newest first, quiet ones as 0. `complete` is false for the day
--   that is not over yet: do not compare it with the others. The success rate is over ok and failed calls, and empty on a
--   day without any.
-- params: {days: 14}
WITH recent AS (
    SELECT
        c.outcome,
        c.at,
        -- NULL for a call of nobody who has an account
        a.person
    FROM {calls} AS c
    LEFT JOIN {accounts} AS a USING (account_id)
    WHERE c.at <= {as_of}
        AND c.at >= ((({as_of} AT TIME ZONE {timezone})::date - ({days}::int - 1))::timestamp AT TIME ZONE {timezone})
        AND NOT {is_internal}
),
days AS (
    SELECT ({as_of} AT TIME ZONE {timezone})::date - back AS day
    FROM generate_series(0, {days}::int - 1) AS back
    -- where nobody ever called anything, there are no days either, and no zeros
    WHERE EXISTS (SELECT FROM {calls} AS c)
)
SELECT
    day,
    count(at) AS calls,
    count(*) FILTER (WHERE outcome = 'ok') AS ok,
    count(*) FILTER (WHERE outcome = 'failed') AS failed,
    count(*) FILTER (WHERE outcome IN ('running', 'cancelled')) AS unfinished,
    count(*) FILTER (WHERE outcome = 'unknown') AS unknown,
    {success_rate} AS success_rate,
    count(DISTINCT person) AS users,
    count(at) FILTER (WHERE person IS NULL) AS unattributed,
    -- the end of a day may be given as its last second
    ((day + 1)::timestamp AT TIME ZONE {timezone}) <= {as_of} + interval '1 second' AS complete
FROM days
LEFT JOIN recent ON (recent.at::timestamptz AT TIME ZONE {timezone})::date = day
GROUP BY day
ORDER BY day DESC
