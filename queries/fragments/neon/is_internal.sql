-- title: Our own people
-- about: >
--   Needs `w`, the account: its e-mail is one of `internal`, or of one of its domains and their sub-domains.
EXISTS (
    SELECT FROM unnest({internal}) AS own
    WHERE lower(trim(w.email)) = own
        OR (own NOT LIKE '%@%' AND right(lower(trim(w.email)), length(own) + 1) IN ('@' || own, '.' || own))
)
