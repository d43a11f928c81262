-- How long people stay in each segment, in days: the median so far of those who are in it, and the Kaplan-Meier median of
-- the stays whose beginning was seen. Reads `seen` and `stay`.
WITH bounds AS (
    SELECT segment, max(ordinal) AS latest, max(as_of) AS as_of FROM seen GROUP BY segment
),
lasted AS (
    SELECT
        stay.segment,
        first > 0 AS begun,
        last < latest AS ended,
        epoch(coalesce(gone.as_of, bounds.as_of) - came.as_of) / 86400 AS days
    FROM stay
    JOIN bounds USING (segment)
    JOIN seen AS came ON came.segment = stay.segment AND came.ordinal = first
    LEFT JOIN seen AS gone ON gone.segment = stay.segment AND gone.ordinal = last + 1
),
falls AS (
    SELECT
        segment,
        days,
        count(*) FILTER (ended) AS ends,
        sum(count(*)) OVER (PARTITION BY segment ORDER BY days DESC) AS at_risk
    FROM lasted
    WHERE begun
    GROUP BY segment, days
),
survival AS (
    SELECT segment, days, product(1 - ends / at_risk) OVER (PARTITION BY segment ORDER BY days) AS share FROM falls
)
SELECT
    segment,
    count(*) FILTER (NOT ended) AS people,
    median(days) FILTER (NOT ended) AS days_so_far,
    count(*) FILTER (NOT ended AND NOT begun) AS since_before,
    count(*) FILTER (begun) AS stays,
    count(*) FILTER (begun AND ended) AS ended,
    (SELECT min(days) FROM survival WHERE survival.segment = lasted.segment AND share <= 0.5) AS days
FROM lasted
GROUP BY segment
