-- title: Persons per e-mail
-- about: >
--   Everybody whom PostHog knows. Several persons with one e-mail (two browsers that never met) are one row;
--   the row without an e-mail counts the anonymous visitors, but those who do not want to be analysed.
-- key: email
-- people: persons
-- facts:
--   persons: {label: PostHog persons, type: int, current: true}
--   first_seen_at: {label: first seen, type: time, merge: min}
SELECT
    lowerUTF8(trim(properties.email)) AS email,
    count() AS persons,
    min(created_at) AS first_seen_at
FROM persons
WHERE created_at <= toDateTime({as_of})
    AND NOT (ifNull(trim(properties.email), '') = '' AND {opted_out})
GROUP BY email
