-- Whom to act on: a row per person with their primary segment, and how they stood in the earlier snapshot.
CREATE OR REPLACE TABLE standing AS
SELECT
    c.{key},
    c."primary" AS segment,
    c.priority,
    c.because[list_position(c.segments, c."primary")] AS because,
    CASE
        WHEN list_contains(t.undecided, c."primary") THEN NULL
        WHEN list_contains({common}, c."primary") THEN NOT coalesce(list_contains(t.segments, c."primary"), false)
    END AS new,
    CASE WHEN list_contains(t.segments, c."primary") THEN nullif({moved}, '') END AS moved,
    row_number() OVER (ORDER BY c.priority DESC NULLS LAST, c.rank, c.{key}) AS place
FROM classified AS c
LEFT JOIN (SELECT key, segments, undecided{facts} FROM history.person WHERE snapshot = {before}) AS t ON t.key = c.{key}
