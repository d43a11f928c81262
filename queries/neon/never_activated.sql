-- title: People who signed up and never did anything
-- about: >
--   Signed up at least `min_age_days` ago and has had no run, tool call, code execution, agent execution or custom tool
--   since, by any of the accounts of the e-mail. Who was active once is in neon/lapsed. Visits are PostHog's to know: a
--   person listed here may well have come and looked; `last_active_at` is what the app itself noted. Each account
--   without an e-mail is judged by itself; those are counted together in the row without one.
-- key: email
-- params: {min_age_days: 7}
-- facts:
--   never_activated: {label: never activated, type: bool, absent: false}
SELECT
    email,
    true AS never_activated,
    sum(accounts)::bigint AS accounts,
    min(signed_up_at) AS signed_up_at,
    floor(extract(epoch FROM {as_of} - min(signed_up_at)::timestamptz) / 86400)::bigint AS days_since_signup,
    max(last_active_at) AS last_active_at
FROM ({activity_of_people}) AS people
WHERE last_action_at IS NULL
    AND signed_up_at <= {as_of} - make_interval(days => {min_age_days}::int)
GROUP BY email
ORDER BY signed_up_at DESC, email
