-- title: Our own people
-- about: >
--   An `email` of `internal`: one of its addresses, or of one of its domains and their sub-domains. The added '' is nobody: an
--   empty list has no type, and ClickHouse refuses some comparisons with what has none.
arrayExists(
    own -> own != '' AND (
        email = own
        OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own))))
    ),
    arrayPushBack({internal}, '')
)
