-- title: Durations of calls that failed
-- about: >
--   Needs `ms` and `outcome`. Mean, median, 95th percentile and longest, in milliseconds.
avg(ms) FILTER (WHERE outcome = 'failed')::float8 AS failed_avg_ms,
percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'failed') AS failed_p50_ms,
percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'failed') AS failed_p95_ms,
max(ms) FILTER (WHERE outcome = 'failed') AS failed_max_ms
