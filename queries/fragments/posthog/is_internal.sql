-- title: Our own people
-- about: >
--   An `email` of `internal`: one of its addresses, or of one of its domains and their sub-domains; or one of `own_people`, which
--   are the further names of the same humans. The added '' is nobody: an empty list has no type, and ClickHouse refuses some
--   comparisons with what has none.
(
    email IN arrayPushBack({own_people}, '')
    OR arrayExists(
        own -> own != '' AND (
            email = own
            OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own))))
        ),
        arrayPushBack({internal}, '')
    )
)
