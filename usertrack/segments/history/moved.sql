-- Who entered and left which segment between two snapshots: a row per person and segment.
SELECT key, id, list_contains(now, id) AS entered
FROM (
    SELECT
        key,
        coalesce(t.segments, []) AS was,
        coalesce(n.segments, []) AS now,
        unnest({ids}) AS id
    FROM (FROM history.person WHERE snapshot = {before}) AS t
    FULL JOIN (FROM history.person WHERE snapshot = {after}) AS n USING (key)
    WHERE t.segments IS DISTINCT FROM n.segments
)
WHERE list_contains(was, id) <> list_contains(now, id)
