-- title: Events and how many people do each
-- about: >
--   Every event that ever occurred, how often, and how many persons did it. `usual` is how often four of five of those
--   who did it in the last `days` did it then, at the most: a person beyond it is one of its most frequent users.
-- params: {days: 30}
SELECT
    event,
    sum(times) AS events,
    count() AS people,
    toInt(floor(quantileIf(0.8)(recent, recent > 0))) AS usual
FROM (
    SELECT event, person_id, count() AS times, countIf({in_days}) AS recent
    FROM events
    WHERE timestamp <= toDateTime({as_of})
        AND {customer}
    GROUP BY event, person_id
) AS of_person
GROUP BY event
ORDER BY people DESC, events DESC, event
