-- title: The key of a profile
-- about: >
--   The name that the product gave a person of PostHog: the first of their ids.
person_id
