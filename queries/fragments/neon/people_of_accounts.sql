-- title: The people behind runs and calls
-- about: >
--   A row per account: `account_id`, the name of the `person`, whether they are not our own people (`outside`), and its
--   `credits`. The spellings in `person` are one person, under the first of them.
-- params: {person: []}
SELECT
    a.account_id,
    CASE WHEN a.email = ANY ({person}) THEN ({person})[1] ELSE a.person END AS person,
    NOT {is_internal} AS outside,
    a.credits
FROM {accounts} AS a
