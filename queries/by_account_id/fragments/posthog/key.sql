-- title: The key of a profile
-- about: >
--   The id of the account, which PostHog has as the distinct_id.
account_id
