-- title: Properties of the people who are active
-- about: >
--   How many of the identified persons who did anything in the last `days` have which property now. A property of `releases`
--   is counted among the persons who were active since the time at the same place in `release_times`: who was not could not get
--   it. A property of `aliases` counts as the one at the same place in `alias_of`. The row without a property has all persons.
-- key: property
-- params:
--   days: 30
--   releases: {type: list, default: [""]}
--   release_times: {type: list, default: ["1970-01-01T00:00:00Z"]}
--   aliases: {type: list, default: [""]}
--   alias_of: {type: list, default: [""]}
SELECT property, countIf(has(names, property)) AS holders, count() AS total
FROM (
    SELECT active.last_at AS last_at, names, arrayJoin(arrayDistinct(arrayConcat([''], {releases}, names))) AS property
    FROM (
        SELECT
            id,
            arrayMap(
                pair -> transform(pair.1, {aliases}, {alias_of}, pair.1),
                arrayFilter(
                    pair -> pair.2 != 'null' AND pair.1 != '',
                    JSONExtractKeysAndValuesRaw(toString(properties))
                )
            ) AS names
        FROM persons
        WHERE ({identified})
            AND id NOT IN {not_customers}
    ) AS known
    INNER JOIN (
        SELECT person_id, max(timestamp) AS last_at
        FROM events
        WHERE {in_days}
        GROUP BY person_id
    ) AS active ON active.person_id = known.id
)
WHERE last_at >= parseDateTimeBestEffort(transform(property, {releases}, {release_times}, '1970-01-01T00:00:00Z'))
GROUP BY property
ORDER BY property
