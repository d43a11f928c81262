-- title: The key of a profile
-- about: >
--   The name of the column that says whose profile a row is for; the folders `by_KEY` have one for each other key.
email
