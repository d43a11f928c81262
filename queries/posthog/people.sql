-- title: Persons per e-mail
-- about: >
--   Everybody whom PostHog knows. Several persons with one e-mail (two browsers that never met) are one row; the row
--   without an e-mail counts all others, but those who do not want to be analysed: persons whom nobody named, and visitors
--   who have no person profile, since all that they sent was `$process_person_profile: false`.
-- key: email
-- people: persons
-- facts:
--   persons: {label: PostHog persons, type: int, current: true}
--   first_seen_at: {label: first seen, type: time, merge: min}
SELECT email, sum(there) AS persons, min(first_at) AS first_seen_at
FROM (
    SELECT {email_of_person} AS email, count() AS there, min(created_at) AS first_at
    FROM persons
    WHERE created_at <= toDateTime({as_of})
        AND NOT ({email_of_person} IS NULL AND {opted_out})
    GROUP BY email
    UNION ALL
    SELECT NULL AS email, {nameless_visitors}
)
GROUP BY email
