-- The primary segment in which each person was, and is, of those that two snapshots have in common.
SELECT
    CASE WHEN t.key IS NULL THEN {not_there}
        ELSE coalesce(list_filter(t.segments, lambda s: list_contains({ids}, s))[1], {no_segment}) END AS was,
    CASE WHEN n.key IS NULL THEN {not_there}
        ELSE coalesce(list_filter(n.segments, lambda s: list_contains({ids}, s))[1], {no_segment}) END AS now
FROM (FROM history.person WHERE snapshot = {before}) AS t
FULL JOIN (FROM history.person WHERE snapshot = {after}) AS n ON t.key = n.key
