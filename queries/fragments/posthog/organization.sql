-- title: The organization of an event
-- about: >
--   The group of PostHog that accounts have as their `organization`: that of the first group type. A project whose companies
--   are another group type, or a property, replaces this in its workspace.
nullIf($group_0, '')
