-- How many people entered and left a segment at each snapshot but its first. Reads `seen` and `stay`.
SELECT
    seen.segment,
    seen.snapshot,
    count(*) FILTER (stay.first = seen.ordinal) AS entered,
    count(*) FILTER (stay.last = seen.ordinal - 1) AS left_since
FROM seen
LEFT JOIN stay ON stay.segment = seen.segment AND seen.ordinal IN (stay.first, stay.last + 1)
WHERE seen.ordinal > 0
GROUP BY ALL
