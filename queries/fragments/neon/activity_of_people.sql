-- title: When people last did something
-- about: >
--   A row per e-mail, and per account without one: `accounts`, `signed_up_at`, `last_action_at` (empty for who never did
--   anything), `last_active_at` (what the app noted) and `last_seen_at`, the later of the two.
SELECT
    a.email,
    count(*) AS accounts,
    min(a.signed_up_at) AS signed_up_at,
    max(activity.last_at) AS last_action_at,
    max(a.last_active_at) FILTER (WHERE a.last_active_at <= {as_of}) AS last_active_at,
    greatest(
        max(activity.last_at),
        max(a.last_active_at) FILTER (WHERE a.last_active_at <= {as_of})
    ) AS last_seen_at
FROM {accounts} AS a
LEFT JOIN ({last_activity}) AS activity ON activity.account_id = a.account_id
WHERE a.exists_since <= {as_of}
    AND NOT {is_internal}
GROUP BY a.email, CASE WHEN a.email IS NULL THEN a.account_id END
