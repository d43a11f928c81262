-- title: Accounts per e-mail
-- about: >
--   Everybody who has an account. Two accounts whose e-mails differ only in case or blanks are one person:
--   the values are those of the account used last, `accounts` says how many there are.
-- key: email
-- people: accounts
-- facts:
--   accounts: {label: accounts, type: int}
--   account_id: {label: account, type: text, current: true, merge: last, by: last_active_at}
--   name: {label: name, type: text, current: true, merge: last, by: last_active_at}
--   credits: {label: credits, type: float, current: true, merge: last, by: last_active_at}
--   subscription_status: {label: subscription, type: text, current: true, merge: last, by: last_active_at, wins: active}
--   signed_up_at: {label: signed up, type: time, merge: min}
--   last_active_at: {label: last active by the app's own count, type: time, current: true}
SELECT
    lower(trim(w.email)) AS email,
    count(*) AS accounts,
    (array_agg(w.id ORDER BY w.last_active_timestamp DESC NULLS LAST, w.id DESC))[1]::text AS account_id,
    (array_agg(w.name ORDER BY w.last_active_timestamp DESC NULLS LAST, w.id DESC))[1] AS name,
    (array_agg(w.credits ORDER BY w.last_active_timestamp DESC NULLS LAST, w.id DESC))[1] AS credits,
    -- who pays with any account is a customer
    CASE
        WHEN bool_or(w.subscription_status::text = 'active') THEN 'active'
        ELSE (array_agg(w.subscription_status::text ORDER BY w.last_active_timestamp DESC NULLS LAST, w.id DESC))[1]
    END AS subscription_status,
    min(w.created_at) AS signed_up_at,
    -- of a moment in the past: who was active since may have been before, and that is not kept
    max(w.last_active_timestamp) FILTER (WHERE w.last_active_timestamp <= {as_of}) AS last_active_at
-- a table without names has that of `absent`: nothing is known of it
FROM (SELECT NULL::text AS name) AS absent
CROSS JOIN LATERAL (
    SELECT name, w.id, w.email, w.credits, w.subscription_status, w.created_at, w.last_active_timestamp FROM wasp_user AS w
) AS w
WHERE w.created_at <= {as_of}
GROUP BY lower(trim(w.email))
