-- A sub-query is evaluated once, the setting that a parameter stands for once a row.
SELECT
    CASE
        WHEN r.time >= (SELECT {first}) AND r.time < (SELECT {end})
        THEN to_char(r.time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24')
    END AS hour,
    count(*) AS rows,
    count(*) || ':' || coalesce(sum(hashtextextended(r::text, 0)), 0) AS digest,
    max(r.time) FILTER (WHERE r.time <= (SELECT {now})) AS last
FROM usertrack_rows AS r
WHERE r.time >= (SELECT {since})
GROUP BY 1
