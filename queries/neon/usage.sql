-- title: Who of everybody with an account has used the product, in one row
-- about: >
--   People are e-mails, as in `overview`. Used: at least one run, tool call, code execution, agent execution or custom
--   tool, ever and within `days`. Whether it was within `days` is unknown where somebody did nothing in them but what has
--   no time.
-- params: {days: 30}
WITH acts AS (
    SELECT a.person, activity.at
    FROM {accounts} AS a
    LEFT JOIN ({account_activity}) AS activity ON activity.account_id = a.account_id AND activity.at <= {as_of}
    WHERE a.exists_since <= {as_of}
        AND NOT {is_internal}
),
people AS (
    SELECT
        person,
        count(at) > 0 AS used,
        -- an act without a time is of -infinity: it may be of any moment
        CASE
            WHEN max(at) > {as_of} - make_interval(days => {days}::int) THEN true
            WHEN min(at) > '-infinity' OR count(at) = 0 THEN false
        END AS used_lately
    FROM acts
    GROUP BY person
)
SELECT
    count(*) AS people,
    count(*) FILTER (WHERE used) AS people_with_usage,
    CASE
        WHEN count(used_lately) = count(*) THEN count(*) FILTER (WHERE used_lately)
    END AS people_with_recent_usage,
    count(*) FILTER (WHERE used)::float8 / nullif(count(*), 0) AS usage_rate
FROM people
