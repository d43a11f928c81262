-- Every table and view of the database, and whether this role may read it.
SELECT
    c.oid::bigint AS id,
    n.nspname AS schema,
    c.relname AS name,
    CASE WHEN n.nspname = 'public' THEN '' ELSE quote_ident(n.nspname) || '.' END || quote_ident(c.relname) AS sql,
    c.relkind IN ('v', 'm') AS is_view,
    CASE
        WHEN c.relkind = 'p' THEN (
            SELECT sum(greatest(leaf.reltuples, 0))
            FROM pg_partition_tree(c.oid) AS tree
            JOIN pg_class AS leaf ON leaf.oid = tree.relid AND tree.isleaf
        )
        WHEN c.reltuples >= 0 THEN c.reltuples
        -- no statistics yet: a row takes some 100 bytes; how full a single page is, nobody knows
        WHEN c.relkind = 'r' AND pg_relation_size(c.oid) <> 8192 THEN pg_relation_size(c.oid) / 100
    END::bigint AS row_count,
    coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
    has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') AS readable,
    row_security_active(c.oid) AS hides_rows,
    c.relkind = 'r' AND c.reltuples < 0 AS is_uncounted
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT c.relispartition
    AND n.nspname !~ '^(pg_|_timescaledb|information_schema$)'
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.oid
