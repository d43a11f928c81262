-- The commonest balance, and the share of accounts with it.
SELECT
    count(credits) AS people,
    mode() WITHIN GROUP (ORDER BY credits) AS full,
    avg((credits = (SELECT mode() WITHIN GROUP (ORDER BY credits) FROM {accounts}))::int) AS share
FROM {accounts}
