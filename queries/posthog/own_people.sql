-- title: Persons who are your own people
-- about: >
--   A row per person of whom any name is internal: the present e-mail, a property such as `Email`, an e-mail that an event has
--   set before, a distinct_id that is an address or the id of an internal account. `names` are all of these. Events that
--   only name a person are read from the beginning, all others of the last `days`: every run asks this.
-- params: {days: 90}
WITH
addressed AS (
    SELECT person_id, present, written, {email_of_text} AS email
    FROM (
        SELECT
            id AS person_id,
            {email_of_person} AS present,
            arrayJoin(arrayFilter(text -> match(text, '[@＠]'), [
                toString(properties.email), toString(properties.Email), toString(properties.EMAIL), toString(properties.$email),
                toString(properties.email_address), toString(properties.user_email)
            ])) AS written
        FROM persons
        UNION ALL
        SELECT person_id, NULL AS present, distinct_id AS written
        FROM person_distinct_ids
        WHERE match(distinct_id, '[@＠]') OR distinct_id IN arrayPushBack({own_people}, '')
        UNION ALL
        SELECT DISTINCT
            person_id,
            NULL AS present,
            arrayJoin(arrayFilter(text -> match(text, '[@＠]'), [
                toString(properties.$set.email), toString(properties.$set.Email), toString(properties.$set.$email),
                toString(properties.$set_once.email)
            ])) AS written
        FROM events
        WHERE (
                event IN ('$identify', '$set', '$create_alias')
                OR timestamp > toDateTime({as_of}) - toIntervalDay({days})
            )
            AND (
                properties.$set.email IS NOT NULL
                OR properties.$set.Email IS NOT NULL
                OR properties.$set.$email IS NOT NULL
                OR properties.$set_once.email IS NOT NULL
            )
    )
),
own AS (
    SELECT person_id, max(present) AS present_email, groupUniqArray(ifNull(email, '')) AS addresses
    FROM addressed
    GROUP BY person_id
    HAVING countIf({is_internal} OR written IN arrayPushBack({own_people}, '')) > 0
)
SELECT
    toString(own.person_id) AS person_id,
    any(own.present_email) AS present_email,
    arrayDistinct(arrayConcat(any(own.addresses), groupArray(ids.distinct_id))) AS names
FROM own
LEFT JOIN person_distinct_ids AS ids ON ids.person_id = own.person_id
GROUP BY person_id
