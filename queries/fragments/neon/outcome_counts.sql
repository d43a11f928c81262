-- title: Calls by outcome
-- about: >
--   Needs `outcome`. Rates are over the finished ones, ok and failed.
count(*) AS calls,
count(*) FILTER (WHERE outcome = 'ok') AS ok,
count(*) FILTER (WHERE outcome = 'failed') AS failed,
count(*) FILTER (WHERE outcome IN ('running', 'cancelled')) AS unfinished,
count(*) FILTER (WHERE outcome = 'unknown') AS unknown,
count(*) FILTER (WHERE outcome IN ('ok', 'failed')) AS finished
