-- title: The people behind runs and calls
-- about: >
--   A row per backend user with an account: `user_id`, the name of the `person`, and whether they are not our own people
--   (`outside`). The spellings in `person` are one person, under the first of them.
-- params: {person: []}
SELECT
    f.id::text AS user_id,
    CASE WHEN lower(trim(w.email)) = ANY ({person}) THEN ({person})[1] ELSE {account_name} END AS person,
    NOT {is_internal} AS outside
FROM fastapi_user AS f
JOIN wasp_user AS w ON w.id = f.wasp_user_id
