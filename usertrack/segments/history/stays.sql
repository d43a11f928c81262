-- A stay is a row of consecutive snapshots in which the segment was known and that all have the person in it. Reads `seen`,
-- which has the snapshots of each segment that knew it, numbered in order (`ordinal`).
CREATE OR REPLACE TABLE stay AS
WITH member AS (
    SELECT snapshot, key, unnest(segments) AS segment
    FROM history.person
    WHERE snapshot IN (SELECT snapshot FROM seen)
),
numbered AS (
    SELECT
        segment,
        key,
        ordinal,
        ordinal - row_number() OVER (PARTITION BY segment, key ORDER BY ordinal) AS stay
    FROM member
    JOIN seen USING (segment, snapshot)
)
SELECT segment, key, min(ordinal) AS first, max(ordinal) AS last
FROM numbered
GROUP BY segment, key, stay
