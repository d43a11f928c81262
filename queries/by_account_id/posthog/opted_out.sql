-- title: Who does not want to be analysed
-- about: >
--   One row as that by e-mail: how many persons have said no, how many of them have neither an id nor an e-mail, the ids of
--   the others, or the e-mails of those without an id, and those of these that a person who has not said no has, too. Their
--   accounts are found by `ids`: those of identified persons, and those that no browser made up.
SELECT
    sum(refusals) AS persons,
    sumIf(refusals, who = '') AS without_email,
    groupArrayIf(who, who != '') AS emails,
    groupArrayIf(who, who != '' AND refusals < behind_it) AS shared,
    {opted_out_ids} AS ids
FROM (
    SELECT who, countIf(said_no) AS refusals, count() AS behind_it
    FROM (
        SELECT
            {opted_out} AS said_no,
            {email_of_person} AS email,
            arrayJoin(if(length(known.ids) = 0, [ifNull(email, '')], known.ids)) AS who
        FROM persons
        LEFT JOIN ({account_ids}) AS known ON known.person = persons.id
    )
    WHERE NOT {is_internal}
    GROUP BY who
    HAVING refusals > 0
)
