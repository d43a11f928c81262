-- title: Accounts
-- about: >
--   Who can sign in: a row per account. `credits` are what is left of them; `last_active_at` is what the app itself noted.
-- states: {active: [active]}
SELECT
    w.id AS account_id,
    w.email,
    w.name,
    w.created_at AS signed_up_at,
    w.last_active_timestamp AS last_active_at,
    w.subscription_status,
    w.credits,
    w.monthly_revenue AS revenue,
    w.organization
FROM wasp_user AS w
