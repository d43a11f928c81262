-- title: Accounts of your own people
-- about: >
--   What names the accounts of your own people, those that were deleted among them: ids, e-mails, and all addresses. One
--   internal address is enough.
SELECT own.account_id::text AS account_id, own.email, own.names
FROM (
    SELECT account_id, email, string_to_array(coalesce(emails, email), ' ') AS names FROM {accounts}
    UNION
    SELECT account_id, email, string_to_array(coalesce(emails, email), ' ') AS names FROM {former_accounts}
) AS own
WHERE EXISTS (
    SELECT FROM (SELECT own.account_id, own.email UNION ALL SELECT own.account_id, unnest(own.names)) AS a (account_id, email)
    WHERE {is_internal}
)
