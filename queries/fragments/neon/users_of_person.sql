-- title: The backend users of one person
-- about: >
--   A row per account with one of the e-mails in `email`: its `account_id`, and the `id` of its backend user, if any.
SELECT f.id, w.id AS account_id
FROM wasp_user AS w
LEFT JOIN fastapi_user AS f ON f.wasp_user_id = w.id
WHERE lower(trim(w.email)) = ANY({email})
    AND NOT {is_internal}
