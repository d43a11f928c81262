-- title: Neither our own people nor who opted out, by e-mail
-- about: >
--   Needs a column `email`, normalised. Who has none stays in.
(
    person_id NOT IN (SELECT id FROM persons WHERE {opted_out})
    AND NOT {is_internal}
)
