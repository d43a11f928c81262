-- A stay is a row of consecutive snapshots in which the segment was known and that all have the person in it. Reads `seen`,
-- which has the snapshots of each segment that knew it, numbered in order (`ordinal`). Who is undecided for a while goes on
-- being in it. An earlier file has no column `undecided`.
CREATE OR REPLACE TABLE stay AS
WITH person AS (
    FROM history.person WHERE snapshot IN (SELECT snapshot FROM seen)
    UNION ALL BY NAME SELECT NULL::VARCHAR[] AS undecided WHERE false
),
member AS (
    SELECT snapshot, key, unnest(segments) AS segment, true AS decided FROM person
    UNION ALL
    SELECT snapshot, key, unnest(undecided) AS segment, false AS decided FROM person
),
numbered AS (
    SELECT
        segment,
        key,
        ordinal,
        decided,
        ordinal - row_number() OVER (PARTITION BY segment, key ORDER BY ordinal) AS stay
    FROM member
    JOIN seen USING (segment, snapshot)
)
SELECT segment, key, min(ordinal) FILTER (decided) AS first, max(ordinal) AS last
FROM numbered
GROUP BY segment, key, stay
HAVING bool_or(decided)
