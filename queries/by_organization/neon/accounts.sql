-- title: Accounts per organization
-- about: >
--   Every organization that an account belongs to. A person with two accounts in it is one of its `people`. Revenue is that of
--   its accounts together, or `organization_revenue` where that is mapped: what it pays as a whole, counted once.
--   `namesakes` are organizations of that name, where `organization_id` is mapped; `repeated_ids` counts rows with the id of another one of it: what that account does would count twice.
-- key: organization
-- people: people
-- params: {days: 30}
-- facts:
--   people: {label: people, type: int}
--   accounts: {label: accounts, type: int}
--   active_people: {label: active people, type: int, current: true}
--   paying_people: {label: people who pay, type: int, current: true}
--   credits: {label: "{credits}", type: float, current: true}
--   subscription_status: {label: subscription, type: text, current: true}
--   revenue: {label: revenue a month, type: float, current: true}
--   signed_up_at: {label: first signed up, type: time}
--   last_active_at: {label: last active by the app's own count, type: time, current: true}
SELECT
    a.organization,
    count(DISTINCT a.person) AS people,
    count(*) AS accounts,
    count(DISTINCT a.person) FILTER (
        WHERE a.last_active_at > {as_of} - make_interval(days => {days}::int) AND a.last_active_at <= {as_of}
    ) AS active_people,
    count(DISTINCT a.person) FILTER (WHERE a.subscription_status = 'active') AS paying_people,
    sum(a.credits) AS credits,
    -- it is a customer when any of its accounts pays
    CASE WHEN bool_or(a.subscription_status = 'active') THEN 'active' ELSE max(a.subscription_status) END AS subscription_status,
    coalesce(max(a.organization_revenue), sum(a.revenue)) AS revenue,
    min(a.signed_up_at) AS signed_up_at,
    -- of a moment in the past: who was active since may have been before, and that is not kept
    max(a.last_active_at) FILTER (WHERE a.last_active_at <= {as_of}) AS last_active_at,
    count(DISTINCT a.organization_id) AS namesakes,
    count(*) - count(DISTINCT a.account_id) AS repeated_ids
FROM {accounts} AS a
WHERE a.exists_since <= {as_of}
    AND NOT {is_internal}
GROUP BY a.organization
