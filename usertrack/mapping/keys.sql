-- Unique keys, foreign keys, and the rules of CHECK for one column.
SELECT
    i.indrelid::bigint AS table_id, i.indkey::int[] AS columns, i.indisprimary AS is_primary, NULL::bigint AS target,
    NULL::int[] AS target_columns, NULL::text AS rule
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE i.indisunique AND i.indpred IS NULL AND i.indnkeyatts = i.indnatts AND 0 <> ALL (i.indkey)
    AND NOT c.relispartition AND n.nspname !~ '^(pg_|_timescaledb|information_schema$)'
UNION ALL
SELECT
    k.conrelid::bigint, k.conkey::int[], false, nullif(k.confrelid::bigint, 0), k.confkey::int[],
    CASE WHEN k.contype = 'c' THEN pg_get_constraintdef(k.oid) END
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
WHERE (k.contype = 'f' OR k.contype = 'c' AND cardinality(k.conkey) = 1) AND NOT c.relispartition
