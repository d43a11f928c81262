-- title: Who does not want to be analysed
-- about: >
--   One row: how many persons have said no (`{opted_out}`: $opt_out, or a property that `opt_out` in usertrack.yaml names,
--   is true, 1 or yes), how many of them have no e-mail, the e-mails of the others, and those of these e-mails that a
--   person who has not said no has, too. Their accounts are found by `ids`: those of identified persons, and those that no
--   browser made up.
SELECT
    sum(said_no) AS persons,
    sumIf(said_no, email IS NULL) AS without_email,
    groupArrayIf(ifNull(email, ''), email IS NOT NULL) AS emails,
    groupArrayIf(ifNull(email, ''), email IS NOT NULL AND said_no < behind_it) AS shared,
    {opted_out_ids} AS ids
FROM (
    SELECT {email_of_person} AS email, countIf({opted_out}) AS said_no, count() AS behind_it
    FROM persons
    GROUP BY email
    HAVING said_no > 0
)
WHERE NOT {is_internal}
