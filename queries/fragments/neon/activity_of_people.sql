-- title: When people last did something
-- about: >
--   A row per e-mail, and per account without one: `accounts`, `signed_up_at`, `last_action_at` (empty for who never did
--   anything), `last_active_at` (what the app noted) and `last_seen_at`, the later of the two.
SELECT
    nullif(lower(trim(w.email)), '') AS email,
    count(*) AS accounts,
    min(w.created_at) AS signed_up_at,
    max(activity.last_at) AS last_action_at,
    max(w.last_active_timestamp) FILTER (WHERE w.last_active_timestamp <= {as_of}) AS last_active_at,
    greatest(
        max(activity.last_at),
        max(w.last_active_timestamp) FILTER (WHERE w.last_active_timestamp <= {as_of})
    ) AS last_seen_at
FROM wasp_user AS w
LEFT JOIN ({last_activity}) AS activity ON activity.account_id = w.id
WHERE w.created_at <= {as_of}
    AND NOT {is_internal}
GROUP BY nullif(lower(trim(w.email)), ''), CASE WHEN nullif(trim(w.email), '') IS NULL THEN w.id END
