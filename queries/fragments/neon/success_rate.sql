-- title: Success rate
-- about: >
--   Needs `outcome`. The share of ok among the finished ones (ok and failed), 0 to 1; empty where none is finished.
count(*) FILTER (WHERE outcome = 'ok')::float8 / nullif(count(*) FILTER (WHERE outcome IN ('ok', 'failed')), 0)
