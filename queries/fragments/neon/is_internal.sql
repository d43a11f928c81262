-- title: Our own people
-- about: >
--   Needs `a`, the account: its e-mail is one of `internal`, or of one of its domains and their sub-domains.
EXISTS (
    SELECT FROM unnest({internal}) AS own
    WHERE a.email = own
        OR (own NOT LIKE '%@%' AND right(a.email, length(own) + 1) IN ('@' || own, '.' || own))
)
