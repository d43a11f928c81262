-- title: Who went from one step to the next
-- about: >
--   The persons in whose sessions, as posthog/journeys has them, the step number `at` of a path is `source` and the next one
--   `target`: in how many `sessions`, and when they last took it. Whoever did so last comes first.
-- params:
--   at: 1
--   source: {type: text}
--   target: {type: text}
WITH
{journey_sessions},
taken AS (
    SELECT whose, journey[{at} + 1].1 AS ms
    FROM sessions
    WHERE length(names) > {at} AND names[{at}] = {source} AND names[{at} + 1] = {target}
),
counted AS (
    SELECT whose, count() AS sessions, max(ms) AS last_ms FROM taken GROUP BY whose
)
SELECT
    toString(counted.whose) AS person_id,
    known.email AS email,
    counted.sessions AS sessions,
    fromUnixTimestamp64Milli(counted.last_ms) AS last_at
FROM counted
LEFT JOIN (SELECT id, {email_of_person} AS email FROM persons) AS known ON known.id = counted.whose
ORDER BY last_at DESC, person_id
