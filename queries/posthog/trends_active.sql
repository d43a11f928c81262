-- title: Trends of active people
-- about: >
--   How many persons did something in the `trailing` days that end with each day, as PostHog counts weekly and monthly active
--   users. Days are numbered from that of `origin` to the `last`; `since` is `trailing` - 1 days before. Groups are as in `trends`; a person may be in several.
-- params: {top: 5, trailing: 7, last: 90, interval: day}
WITH {trend_values} AS ranked_values
SELECT
    if(group_rank > {top}, NULL, nullIf(any(value), '')) AS group_value,
    group_rank,
    period,
    toFloat(uniqExact(person_id)) AS number,
    length(ranked_values) AS group_values
FROM (
    SELECT
        person_id, value, group_rank,
        arrayJoin(range(greatest(active_on, 0), least(active_on + {trailing}, {last} + 1))) AS period
    FROM (
        SELECT DISTINCT person_id, value, {trend_place} AS group_rank, toInt({bucket}) AS active_on
        FROM ({trend_events})
    )
)
GROUP BY group_rank, period
ORDER BY group_rank, period
