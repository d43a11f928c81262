-- title: Days from signup to first run
-- about: >
--   Of the people who signed up in the window, the time after which half have had their first run, by Kaplan and Meier
--   (1958): who has not run yet counts for as long as has been waited (censored), instead of not at all. Signups of a few
--   days cannot have waited for long: of a shorter window, those of the `cohort_days` that end with it count. Limits are those
--   of Brookmeyer and Crowley (1982) over log(−log) limits of the curve with Greenwood's variance. Empty where fewer than
--   half have run. `within` is the share with a run within `target_days`. A day is that of the signup. People are
--   e-mails; an account without one is somebody by itself; a run before the signup counts as at once.
-- params: {days: 30, target_days: 7, cohort_days: 28}
-- metric: {label: "Signup to first {run}", kind: estimate, unit: days, good: below 7, excellent: below 1}
WITH cohort AS (
    SELECT (({as_of} AT TIME ZONE {timezone}) - make_interval(days => greatest({days}, {cohort_days})::int)) AS since
),
people AS (
    SELECT min(a.signed_up_at) AS signed_up_at, min(r.at) AS ran_at
    FROM {accounts} AS a
    LEFT JOIN {runs} AS r ON r.account_id = a.account_id AND r.at < {as_of}
    WHERE a.signed_up_at < {as_of}
        AND NOT {is_internal}
    GROUP BY a.email, CASE WHEN a.email IS NULL THEN a.account_id END
),
waits AS (
    SELECT
        of_day.day,
        greatest(extract(epoch FROM coalesce(ran_at::timestamptz, {as_of}) - signed_up_at::timestamptz) / 86400, 0)::float8 AS t,
        ran_at IS NOT NULL AS ran
    FROM people
    CROSS JOIN LATERAL (VALUES (NULL), ((signed_up_at::timestamptz AT TIME ZONE {timezone})::date)) AS of_day (day)
    WHERE signed_up_at >= (SELECT since AT TIME ZONE {timezone} FROM cohort)
),
steps AS (
    SELECT
        day,
        t,
        count(*) FILTER (WHERE ran)::float8 AS runs,
        sum(count(*)) OVER (PARTITION BY day ORDER BY t DESC)::float8 AS waiting
    FROM waits
    GROUP BY day, t
),
curve AS (
    SELECT
        day,
        t,
        -- the share that still waits after t; everybody who still waited running at once leaves nobody
        CASE WHEN runs = waiting THEN 0 ELSE exp(sum(ln(1 - runs / waiting)) FILTER (WHERE runs < waiting) OVER so_far) END AS s,
        sqrt(sum(runs / (waiting * (waiting - runs))) FILTER (WHERE runs < waiting) OVER so_far) AS se
    FROM steps
    WINDOW so_far AS (PARTITION BY day ORDER BY t)
),
limits AS (
    SELECT
        day,
        t,
        s,
        CASE WHEN s > 0 AND s < 1 THEN power(s, exp(1.959964 * se / -ln(s))) END AS low,
        CASE WHEN s > 0 AND s < 1 THEN power(s, exp(-1.959964 * se / -ln(s))) END AS high
    FROM curve
),
medians AS (
    SELECT
        day,
        min(t) FILTER (WHERE s < 0.5 + 1e-9) AS value,  -- a product of shares that is a half may come out above it
        min(t) FILTER (WHERE low <= 0.5) AS low,
        min(t) FILTER (WHERE high <= 0.5) AS high,
        (array_agg(ARRAY[1 - s, 1 - high, 1 - low] ORDER BY t DESC) FILTER (WHERE t <= {target_days}))[1:1] AS so_far,
        -- else nobody was waited for that long, and what happens until then is not known
        max(t) >= {target_days} OR min(s) = 0 AS reached
    FROM limits
    GROUP BY day
),
targets AS (
    SELECT
        day,
        CASE WHEN reached THEN coalesce(so_far[1][1], 0) END AS within,
        CASE WHEN reached THEN so_far[1][2] END AS within_low,
        CASE WHEN reached THEN so_far[1][3] END AS within_high
    FROM medians
),
counts AS (
    SELECT day, count(*) AS n, count(*) FILTER (WHERE ran) AS ran FROM waits GROUP BY day
)
SELECT
    medians.day,
    value,
    low,
    high,
    n,
    ran,
    n - ran AS censored,
    within,
    within_low,
    within_high,
    'signed up ' || to_char((SELECT since FROM cohort), 'FMDD Mon') || ' – '
        || to_char(({as_of} AT TIME ZONE {timezone}) - interval '1 second', 'FMDD Mon') || ': '
        || replace(to_char(ran, 'FM999,999,990'), ',', ' ') || ' of ' || replace(to_char(n, 'FM999,999,990'), ',', ' ')
        || ' have had theirs, ' || replace(to_char(n - ran, 'FM999,999,990'), ',', ' ') || ' have not yet'
        || coalesce(
            '; within ' || {target_days}::int || ' days ' || round(100 * within) || ' % do'
            || coalesce(' (95 % interval ' || round(100 * within_low) || ' to ' || round(100 * within_high) || ')', ''),
            ''
        ) AS note
FROM medians
JOIN targets ON targets.day IS NOT DISTINCT FROM medians.day
JOIN counts ON counts.day IS NOT DISTINCT FROM medians.day
ORDER BY day
