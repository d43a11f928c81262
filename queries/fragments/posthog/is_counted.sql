-- title: Who is asked about
-- about: >
--   Everybody, or the persons who are identified, or those whose e-mail is one of `people`.
-- params:
--   everyone: true
--   people: {type: list, default: [""]}
({everyone} OR person_id IN (
    SELECT id FROM persons
    WHERE {identified} AND (has({people}, '') OR {email_of_person} IN {people})
))
