-- title: The key of a profile
-- about: >
--   The organization: in accounts their column, in PostHog a group.
organization
