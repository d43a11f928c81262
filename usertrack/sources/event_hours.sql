SELECT
    CASE WHEN r.time >= {first} AND r.time < {end} THEN to_char(r.time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24') END
        AS hour,
    count(*) AS rows,
    count(*) || ':' || coalesce(sum(hashtextextended(r::text, 0)), 0) AS digest,
    max(r.time) FILTER (WHERE r.time <= {now}) AS last
FROM usertrack_rows AS r
WHERE {all} OR r.time >= {since}
GROUP BY 1
