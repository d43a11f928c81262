-- title: A name for whoever did it
-- about: >
--   Needs `w`, the account: its e-mail, normalised, or its number where there is none.
coalesce(nullif(lower(trim(w.email)), ''), 'account ' || w.id)
