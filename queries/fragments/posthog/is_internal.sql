-- title: Our own people
-- about: >
--   An `email` of `internal`: one of its addresses, or of one of its domains and their sub-domains.
arrayExists(
    own -> email = own
        OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own)))),
    {internal}
)
