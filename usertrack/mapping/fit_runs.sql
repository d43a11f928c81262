-- How many runs people have, how many of these succeed, and how soon after sign-up the first one comes.
SELECT
    count(*) AS people,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY runs) AS median,
    percentile_disc(0.8) WITHIN GROUP (ORDER BY runs) AS many,
    sum(ok) / nullif(sum(ok) + sum(failed), 0) AS success,
    percentile_disc(0.9) WITHIN GROUP (ORDER BY first_days) AS first_days
FROM (
    SELECT
        r.account_id,
        count(*) AS runs,
        count(*) FILTER (WHERE r.ok) AS ok,
        count(*) FILTER (WHERE r.failed) AS failed,
        greatest(extract(epoch FROM min(r.at) - min(a.signed_up_at)) / 86400, 0) AS first_days
    FROM {runs} AS r
    JOIN {accounts} AS a USING (account_id)
    GROUP BY r.account_id
) AS people
