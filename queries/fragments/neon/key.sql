-- title: The key of a profile
-- about: >
--   The column of accounts by which profiles are made; the folders `by_KEY` have one for each other key.
email
