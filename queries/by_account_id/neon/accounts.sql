-- title: Accounts
-- about: >
--   Everybody who has an account. `accounts` is above 1 where several rows have one id: the values are then those of the row
--   used last; 0 for an account that was deleted. `repeated_ids` is 1 for an id of several rows: what it did counts for each.
-- key: account_id
-- people: accounts
-- facts:
--   accounts: {label: accounts, type: int}
--   email: {label: e-mail, type: text, current: true}
--   name: {label: name, type: text, current: true}
--   credits: {label: "{credits}", type: float, current: true}
--   subscription_status: {label: subscription, type: text, current: true}
--   revenue: {label: revenue a month, type: float, current: true}
--   organization: {label: organization, type: text, current: true}
--   signed_up_at: {label: signed up, type: time, merge: min}
--   last_active_at: {label: last active by the app's own count, type: time, current: true}
--   converted_at: {label: began to pay, type: time, merge: min}
--   churned: {label: has left, type: bool, current: true}
--   churned_at: {label: left, type: time}
SELECT
    a.account_id,
    count(*) AS accounts,
    (array_agg(a.email ORDER BY a.last_active_at DESC NULLS LAST))[1] AS email,
    (array_agg(a.name ORDER BY a.last_active_at DESC NULLS LAST))[1] AS name,
    (array_agg(a.credits ORDER BY a.last_active_at DESC NULLS LAST))[1] AS credits,
    CASE
        WHEN bool_or(a.subscription_status = 'active') THEN 'active'
        ELSE (array_agg(a.subscription_status ORDER BY a.last_active_at DESC NULLS LAST))[1]
    END AS subscription_status,
    max(a.revenue) AS revenue,
    (array_agg(a.organization ORDER BY a.last_active_at DESC NULLS LAST))[1] AS organization,
    min(a.signed_up_at) AS signed_up_at,
    -- of a moment in the past: who was active since may have been before, and that is not kept
    max(a.last_active_at) FILTER (WHERE a.last_active_at <= {as_of}) AS last_active_at,
    min(a.converted_at) FILTER (WHERE a.converted_at <= {as_of}) AS converted_at,
    bool_and(a.churned) AS churned,
    max(a.churned_at) FILTER (WHERE a.churned_at <= {as_of}) AS churned_at,
    (count(*) > 1)::int AS repeated_ids
FROM {accounts} AS a
WHERE a.exists_since <= {as_of}
    AND NOT {is_internal}
GROUP BY a.account_id
UNION ALL
SELECT
    f.account_id,
    0 AS accounts,
    min(f.email) AS email,
    min(f.name) AS name,
    min(f.credits) AS credits,
    min(f.subscription_status) AS subscription_status,
    min(f.revenue) AS revenue,
    min(f.organization) AS organization,
    min(f.signed_up_at) AS signed_up_at,
    min(f.last_active_at) AS last_active_at,
    min(f.converted_at) AS converted_at,
    bool_and(f.churned) AS churned,
    min(f.churned_at) AS churned_at,
    0 AS repeated_ids
FROM {former_accounts} AS f
WHERE f.exists_since <= {as_of} AND NOT EXISTS (SELECT 1 FROM {accounts} AS a WHERE a.account_id = f.account_id)
GROUP BY f.account_id
