-- Every column that this role may read.
SELECT
    a.attrelid::bigint AS table_id,
    a.attnum::int AS number,
    a.attname AS name,
    quote_ident(a.attname) AS sql,
    format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid), NULL) AS type,
    a.attnotnull OR coalesce(s.null_frac < 0.02, false) AS required,
    CASE WHEN a.attnotnull THEN 0 ELSE coalesce(s.null_frac, 0) END::float8 AS nulls,
    coalesce(col_description(a.attrelid, a.attnum), '') AS comment,
    (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum AS e WHERE e.enumtypid = t.oid) AS labels
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_stats AS s
    ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname !~ '^(pg_|_timescaledb|information_schema$)'
    AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
ORDER BY a.attrelid, a.attnum
