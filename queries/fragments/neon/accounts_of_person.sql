-- title: The accounts of one person
-- about: >
--   The `account_id` of each account whose key (the e-mail, unless people are joined by something else) is one of `email`.
SELECT a.account_id FROM {accounts} AS a WHERE a.{key}::text = ANY({email}) AND NOT {is_internal}
