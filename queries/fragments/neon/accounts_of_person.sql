-- title: The accounts of one person
-- about: >
--   The `account_id` of each account with one of the e-mails in `email`.
SELECT a.account_id FROM {accounts} AS a WHERE a.email = ANY({email}) AND NOT {is_internal}
