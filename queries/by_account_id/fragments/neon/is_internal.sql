-- title: Our own people
-- about: >
--   Needs `a`, the account: its e-mail is one of `internal`, or of one of its domains and their sub-domains. Who has opted
--   out under an id alone is in `internal` by that id.
EXISTS (
    SELECT FROM unnest({internal}) AS own
    WHERE a.email = own
        OR a.account_id::text = own
        OR (own NOT LIKE '%@%' AND right(a.email, length(own) + 1) IN ('@' || own, '.' || own))
)
