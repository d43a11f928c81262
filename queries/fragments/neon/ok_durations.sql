-- title: Durations of calls that succeeded
-- about: >
--   Needs `ms` and `outcome`. Mean, median, 95th percentile and longest, in milliseconds.
avg(ms) FILTER (WHERE outcome = 'ok')::float8 AS ok_avg_ms,
percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'ok') AS ok_p50_ms,
percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome = 'ok') AS ok_p95_ms,
max(ms) FILTER (WHERE outcome = 'ok') AS ok_max_ms
