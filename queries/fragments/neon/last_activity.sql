-- title: When accounts last did something
-- about: >
--   A row per account that ever did anything up to `as_of`: `account_id` and `last_at`.
SELECT account_id, max(at) AS last_at FROM ({account_activity}) AS activity WHERE at <= {as_of} GROUP BY account_id
