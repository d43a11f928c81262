-- Who entered and left which segment between two snapshots: a row per person and segment. Of whom one of them does not
-- know whether they are in it, nothing is said. An earlier file has no column `undecided`.
WITH person AS (FROM history.person UNION ALL BY NAME SELECT NULL::VARCHAR[] AS undecided WHERE false)
SELECT key, id, list_contains(now, id) AS entered
FROM (
    SELECT
        key,
        coalesce(t.segments, []) AS was,
        coalesce(n.segments, []) AS now,
        list_concat(t.undecided, n.undecided) AS undecided,
        unnest({ids}) AS id
    FROM (FROM person WHERE snapshot = {before}) AS t
    FULL JOIN (FROM person WHERE snapshot = {after}) AS n USING (key)
    WHERE t.segments IS DISTINCT FROM n.segments
)
WHERE list_contains(was, id) <> list_contains(now, id) AND NOT coalesce(list_contains(undecided, id), false)
