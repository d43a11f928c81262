-- The primary segment in which each person was, and is, of those that two snapshots have in common. Who is undecided in
-- one of them is left out. An earlier file has no column `undecided`.
WITH person AS (FROM history.person UNION ALL BY NAME SELECT NULL::VARCHAR[] AS undecided WHERE false)
SELECT
    CASE WHEN t.key IS NULL THEN {not_there}
        ELSE coalesce(list_filter(t.segments, lambda s: list_contains({ids}, s))[1], {no_segment}) END AS was,
    CASE WHEN n.key IS NULL THEN {not_there}
        ELSE coalesce(list_filter(n.segments, lambda s: list_contains({ids}, s))[1], {no_segment}) END AS now
FROM (FROM person WHERE snapshot = {before}) AS t
FULL JOIN (FROM person WHERE snapshot = {after}) AS n ON t.key = n.key
WHERE NOT coalesce(list_has_any(list_concat(t.undecided, n.undecided), {ids}), false)
