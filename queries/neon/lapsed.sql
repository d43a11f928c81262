-- title: People who were active and have stopped
-- about: >
--   Did something once (run, tool call, code execution, agent execution, custom tool) and nothing in the last
--   `idle_days`, nor does the app itself note them as active since. Who never did anything is in neon/never_activated.
--   Visits that only PostHog knows do not count here. Each account without an e-mail is judged by itself; those are
--   counted together in the row without one.
-- key: email
-- params: {idle_days: 7}
-- facts:
--   lapsed: {label: lapsed, type: bool, absent: false}
SELECT
    email,
    true AS lapsed,
    sum(accounts)::bigint AS accounts,
    min(signed_up_at) AS signed_up_at,
    max(last_action_at) AS last_action_at,
    max(last_seen_at) AS last_seen_at,
    floor(extract(epoch FROM {as_of} - max(last_seen_at)::timestamptz) / 86400)::bigint AS idle_days
FROM ({activity_of_people}) AS people
WHERE last_action_at IS NOT NULL
    AND last_seen_at <= {as_of} - make_interval(days => {idle_days}::int)
GROUP BY email
ORDER BY last_seen_at DESC, email
