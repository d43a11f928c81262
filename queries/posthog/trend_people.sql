-- title: People behind a trend
-- about: >
--   The persons whose events a trend counts, see `trend_events`: how often, when first and last in this time, and the `figure` of
--   their events where the trend is of a property. With `only_first` those who did it for the first time ever. Whoever did it
--   most often comes first.
-- params: {only_first: false}
SELECT
    toString(counted.person_id) AS person_id,
    known.email AS email,
    counted.times AS times,
    counted.number AS figure,
    counted.first_at AS first_at,
    counted.last_at AS last_at
FROM (
    SELECT
        person_id,
        count() AS times,
        {trend_number} AS number,
        min(timestamp) AS first_at,
        max(timestamp) AS last_at
    FROM ({trend_events})
    WHERE NOT {only_first} OR person_id IN (SELECT person_id FROM ({trend_firsts}) WHERE {only_first})
    GROUP BY person_id
) AS counted
LEFT JOIN (SELECT id, {email_of_person} AS email FROM persons) AS known ON known.id = counted.person_id
ORDER BY times DESC, last_at DESC, person_id
