-- title: Accounts of your own people
-- about: >
--   What names the accounts of your own people, those that were deleted among them: ids and e-mails.
SELECT a.account_id::text AS account_id, a.email FROM {accounts} AS a WHERE {is_internal}
UNION
SELECT a.account_id::text AS account_id, a.email FROM {former_accounts} AS a WHERE {is_internal}
