-- A new version of each person whose e-mail is another one now, or who is not identified yet.
-- The accounts have ids, c0, and e-mails, c1; a person's id that is itself an e-mail is theirs.
INSERT INTO posthog.persons (id, created_at, properties, is_identified, last_seen_at, version)
SELECT
    id,
    created_at,
    jsonMergePatch(
        toString(properties), if(email = '', '{"email":null}', concat('{"email":', toJSONString(email), '}'))
    ),
    true,
    last_seen_at,
    greatest({version}, version + 1)
FROM (SELECT * FROM posthog.persons FINAL) AS person
INNER JOIN (
    SELECT person_id AS id, max(if(c1 = '' AND position(distinct_id, '@') > 1, distinct_id, c1)) AS email
    FROM (SELECT * FROM posthog.person_distinct_ids FINAL) AS ids
    LEFT JOIN (SELECT c0, max(c1) AS c1 FROM {accounts} GROUP BY c0) AS accounts ON ids.distinct_id = c0
    GROUP BY id
) AS found USING (id)
WHERE NOT is_identified OR email != ifNull(properties.email.:String, '')
SETTINGS {settings}
