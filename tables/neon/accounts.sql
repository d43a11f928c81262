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
-- a column that the table does not have is that of `absent`: nothing is known of it
FROM (SELECT NULL::text AS name, NULL::float8 AS monthly_revenue, NULL::text AS organization) AS absent
CROSS JOIN LATERAL (
    SELECT
        name, monthly_revenue, organization, w.id, w.email, w.credits, w.subscription_status, w.created_at,
        w.last_active_timestamp
    FROM wasp_user AS w
) AS w
