-- title: Customers who left
-- about: >
--   Of the accounts that paid at the beginning of a period, how many left in it, by the company's own word: `converted_at` and
--   `churned_at` of accounts, of which some may be deleted by now. The `periods` of `gone` days are counted back from `until`.
-- params:
--   gone: 30
--   periods: 12
--   until: {type: timestamp}
SELECT past AS period, count(*) AS people, count(*) FILTER (WHERE a.churned_at < span.ends) AS left_after
FROM generate_series(1, {periods}::int) AS past
CROSS JOIN LATERAL (
    SELECT
        {until} AT TIME ZONE {timezone} - make_interval(days => past * {gone}::int) AS local_start,
        {until} AT TIME ZONE {timezone} - make_interval(days => (past - 1) * {gone}::int) AS local_end
) AS days
CROSS JOIN LATERAL (
    SELECT days.local_start AT TIME ZONE {timezone} AS starts, days.local_end AT TIME ZONE {timezone} AS ends
) AS span
INNER JOIN (
    SELECT account_id, email, converted_at, churned_at FROM {accounts}
    UNION ALL
    SELECT account_id, email, converted_at, churned_at FROM {former_accounts}
) AS a ON a.converted_at < span.starts AND (a.churned_at IS NULL OR a.churned_at >= span.starts)
WHERE NOT {is_internal}
GROUP BY past
ORDER BY past
