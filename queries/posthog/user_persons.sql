-- title: Persons behind an e-mail or an id
-- about: >
--   Every person of PostHog with events who is meant by `who`: an e-mail in any case, or a distinct_id as it was sent, which
--   may be that of a visitor who has no person profile.
-- params:
--   who: {type: text}
--   until: {type: timestamp}
SELECT DISTINCT toString(person_id) AS person_id, {email_of_event} AS email
FROM events
WHERE timestamp < toDateTime({until})
    AND (
        distinct_id = {who}
        OR person_id IN (SELECT id FROM persons WHERE {email_of_person} = ifNull(arrayMap(written -> {email_of_text}, [{who}])[1], ''))
        OR person_id IN (SELECT person_id FROM person_distinct_ids WHERE distinct_id = {who})
    )
    AND {customer}
ORDER BY person_id
