-- title: How many people fail in each stretch of hours, and how many were to be expected
-- about: >
--   Every stretch of whole hours (UTC), of each of the `lengths`, on each level by itself: people with something finished,
--   people with something failed, and how many of those to expect from what each of them does at other times. Somebody's own
--   rate comes from what they finished more than a day away with about as much experience (their first, second, … thing, then
--   5th to 8th, 9th to 16th, 17th to 32nd, later), and is drawn towards everybody's of that experience as by two finished
--   things; several failures of one person in an hour count once. Eight weeks at least are looked at, so that stretches can be
--   compared with the same hours of other days and weeks; `tested` are those of the window itself
--   that are over, or in their last hour.
-- params: {days: 30, lengths: ['1', '2', '3', '4', '6', '8', '12', '24'], since: {type: timestamp, default: 1970-01-01}}
WITH people AS (
    SELECT a.account_id, a.person, NOT {is_internal} AS outside FROM {accounts} AS a
),
happened AS (
    SELECT 'workflow' AS level, r.account_id, r.actor, r.at, r.ok, r.failed FROM {runs} AS r
    UNION ALL
    SELECT 'tool', c.account_id, c.actor, c.at, c.ok, c.failed FROM {calls} AS c
),
known AS NOT MATERIALIZED (
    SELECT h.level, coalesce(p.person, h.actor) AS person, h.at, h.failed
    FROM happened AS h
    LEFT JOIN people AS p USING (account_id)
    WHERE p.outside IS NOT FALSE AND (h.ok OR h.failed) AND h.at <= {as_of}
),
earlier AS (
    SELECT level, person, count(*) AS finished
    FROM known
    WHERE at <= {as_of} - make_interval(days => greatest({days}, 56)::int)
    GROUP BY 1, 2
),
things AS (
    SELECT
        k.*,
        floor(extract(epoch FROM k.at) / 3600)::int AS hour,
        coalesce(e.finished, 0) + row_number() OVER (PARTITION BY k.level, k.person ORDER BY k.at, k.failed) AS nth
    FROM known AS k
    LEFT JOIN earlier AS e USING (level, person)
    WHERE k.at > {as_of} - make_interval(days => greatest({days}, 56)::int)
),
phases AS (
    SELECT
        level,
        person,
        hour,
        width_bucket(nth, ARRAY[2, 3, 4, 5, 9, 17, 33]) AS experience,
        count(*) AS finished,
        count(*) FILTER (WHERE failed) AS failed
    FROM things
    GROUP BY 1, 2, 3, 4
),
elsewhere AS (
    SELECT
        *,
        sum(failed) OVER everybodys / sum(finished) OVER everybodys AS everybody,
        sum(finished) OVER own - sum(finished) OVER near AS finished_far,
        sum(failed) OVER own - sum(failed) OVER near AS failed_far
    FROM phases
    WINDOW
        everybodys AS (PARTITION BY level, experience),
        own AS (PARTITION BY level, person, experience),
        near AS (PARTITION BY level, person, experience ORDER BY hour RANGE BETWEEN 24 PRECEDING AND 24 FOLLOWING)
),
hours AS (
    SELECT
        level,
        person,
        hour,
        sum(finished) AS finished,
        sum(failed) AS failed,
        1 - exp(sum(finished * ln(1 - least((failed_far + 2 * everybody) / (finished_far + 2), 0.999999)))) AS expected
    FROM elsewhere
    GROUP BY 1, 2, 3
),
gaps AS (
    SELECT
        *,
        hour - lag(hour) OVER (PARTITION BY level, person ORDER BY hour) AS since_finished,
        hour - max(hour) FILTER (WHERE failed > 0)
            OVER (PARTITION BY level, person ORDER BY hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS since_failed
    FROM hours
),
longest AS (
    SELECT max(length)::int AS hours FROM unnest({lengths}::text[]::int[]) AS length
),
-- who did something earlier in a stretch is not counted again in it: how long ago that was is all that needs to be kept
met AS (
    SELECT
        level,
        hour,
        least(since_finished, longest.hours) AS since_finished,
        CASE WHEN failed > 0 THEN least(since_failed, longest.hours) ELSE 0 END AS since_failed,
        count(*) AS people,
        sum(expected) AS expected,
        sum(finished) AS finished,
        sum(failed) AS failed
    FROM gaps
    CROSS JOIN longest
    GROUP BY 1, 2, 3, 4
)
SELECT
    m.level,
    to_timestamp((m.hour - passed) * 3600.0) AS start_at,
    length AS hours,
    coalesce(sum(m.people) FILTER (WHERE m.since_finished > passed), 0)::bigint AS people,
    coalesce(sum(m.people) FILTER (WHERE m.since_failed > passed), 0)::bigint AS people_failed,
    sum(m.expected)::float8 AS expected,
    sum(m.finished)::bigint AS finished,
    sum(m.failed)::bigint AS failed,
    to_timestamp((m.hour - passed + 1) * 3600.0) > greatest({as_of} - make_interval(days => {days}::int), {since})
    AND to_timestamp((m.hour - passed + length - 1) * 3600.0) <= {as_of} AS tested
FROM met AS m
CROSS JOIN unnest({lengths}::text[]::int[]) AS length
CROSS JOIN generate_series(0, length - 1) AS passed
GROUP BY m.level, m.hour - passed, length
ORDER BY m.level, m.hour - passed, length
