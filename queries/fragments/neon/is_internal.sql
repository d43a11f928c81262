-- title: Our own people
-- about: >
--   Needs `a`, the account: its e-mail is one of `internal`, or of one of its domains and their sub-domains; or its e-mail or id
--   is one of `own_people`, which are the further names of the same humans.
((
    a.email = ANY({own_people})
    OR a.account_id::text = ANY({own_people})
    OR EXISTS (
        SELECT FROM unnest({internal}) AS own
        WHERE a.email = own
            OR (own NOT LIKE '%@%' AND right(a.email, length(own) + 1) IN ('@' || own, '.' || own))
    )
) IS TRUE)
