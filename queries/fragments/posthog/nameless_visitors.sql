-- title: Visitors without a profile
-- about: >
--   The rest of a SELECT behind its first columns: how many there are (`there`) and when the first came (`first_at`), of those
--   who have no person profile, since all that they sent was `$process_person_profile: false`. No row where there are none.
uniqExact(person_id) AS there, min(timestamp) AS first_at
FROM events
WHERE person_mode = 'propertyless'
    AND timestamp <= toDateTime({as_of})
    AND person_id NOT IN (SELECT id FROM persons)
HAVING there > 0
