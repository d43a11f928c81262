-- title: Accounts per e-mail
-- about: >
--   Everybody who has an account. Two accounts whose e-mails differ only in case or blanks are one person:
--   the values are those of the account used last, `accounts` says how many there are: 0 where all were deleted.
--   `repeated_ids` counts rows with the id of another one: what that account does would count twice. Who has any of `emails` in PostHog is that
--   person.
-- key: email
-- people: accounts
-- facts:
--   accounts: {label: accounts, type: int}
--   account_id: {label: account, type: text, current: true, merge: last, by: last_active_at}
--   name: {label: name, type: text, current: true, merge: last, by: last_active_at}
--   credits: {label: "{credits}", type: float, current: true, merge: last, by: last_active_at}
--   subscription_status: {label: subscription, type: text, current: true, merge: last, by: last_active_at, wins: active}
--   revenue: {label: revenue a month, type: float, current: true, merge: sum}
--   organization: {label: organization, type: text, current: true, merge: last, by: last_active_at}
--   signed_up_at: {label: signed up, type: time, merge: min}
--   last_active_at: {label: last active by the app's own count, type: time, current: true}
--   converted_at: {label: began to pay, type: time, merge: min}
--   churned: {label: has left, type: bool, current: true}
--   churned_at: {label: left, type: time}
SELECT
    a.email,
    count(*) AS accounts,
    (array_agg(a.account_id ORDER BY a.last_active_at DESC NULLS LAST, a.account_id DESC))[1]::text AS account_id,
    (array_agg(a.name ORDER BY a.last_active_at DESC NULLS LAST, a.account_id DESC))[1] AS name,
    (array_agg(a.credits ORDER BY a.last_active_at DESC NULLS LAST, a.account_id DESC))[1] AS credits,
    -- who pays with any account is a customer
    CASE
        WHEN bool_or(a.subscription_status = 'active') THEN 'active'
        ELSE (array_agg(a.subscription_status ORDER BY a.last_active_at DESC NULLS LAST, a.account_id DESC))[1]
    END AS subscription_status,
    sum(a.revenue) AS revenue,
    (array_agg(a.organization ORDER BY a.last_active_at DESC NULLS LAST, a.account_id DESC))[1] AS organization,
    min(a.signed_up_at) AS signed_up_at,
    -- of a moment in the past: who was active since may have been before, and that is not kept
    max(a.last_active_at) FILTER (WHERE a.last_active_at <= {as_of}) AS last_active_at,
    min(a.converted_at) FILTER (WHERE a.converted_at <= {as_of}) AS converted_at,
    bool_and(a.churned) AS churned,
    max(a.churned_at) FILTER (WHERE a.churned_at <= {as_of}) AS churned_at,
    string_agg(a.emails, ' ') AS emails,
    count(*) - count(DISTINCT a.account_id) AS repeated_ids
FROM {accounts} AS a
WHERE a.exists_since <= {as_of}
GROUP BY a.email
UNION ALL
SELECT
    f.email,
    0 AS accounts,
    min(f.account_id::text) AS account_id,
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
    string_agg(f.emails, ' ') AS emails,
    0 AS repeated_ids
FROM {former_accounts} AS f
WHERE f.exists_since <= {as_of} AND f.email IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {accounts} AS a WHERE a.email = f.email)
GROUP BY f.email
