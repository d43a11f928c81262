-- title: What people did next who clicked connect and stayed
-- about: >
--   Of everybody who clicked to connect {a server} for the first time within `days`, and at least four weeks ago: how many
--   `clicked`, how many of them `stayed`, seen again in the third or fourth week after that click, and what these `did`
--   first in the two weeks after it, of the product's own events; NULL where they did none. A person is in a row of each of
--   the {servers}.
-- params: {days: 120}
SELECT server, nullIf(first_event, '') AS did, count() AS clicked, countIf(later > 0) AS stayed
FROM (
    SELECT
        c.server AS server,
        c.who AS who,
        argMinIf(
            e.event,
            e.timestamp,
            e.timestamp > c.clicked_at
            AND e.timestamp <= c.clicked_at + toIntervalDay(14)
            AND NOT startsWith(e.event, '$')
        ) AS first_event,
        countIf(
            e.timestamp > c.clicked_at + toIntervalDay(14) AND e.timestamp <= c.clicked_at + toIntervalDay(28)
        ) AS later
    FROM events AS e
    JOIN (
        SELECT person_id AS who, properties.template_name AS server, min(timestamp) AS clicked_at
        FROM events
        WHERE {connect_clicked}
            AND properties.template_name IS NOT NULL
            AND timestamp <= toDateTime({as_of})
            AND {customer}
        GROUP BY who, server
        HAVING clicked_at > toDateTime({as_of}) - toIntervalDay({days})
            AND clicked_at <= toDateTime({as_of}) - toIntervalDay(28)
    ) AS c ON e.person_id = c.who
    WHERE e.timestamp > toDateTime({as_of}) - toIntervalDay({days})
        AND e.timestamp <= toDateTime({as_of})
    GROUP BY server, who
)
GROUP BY server, did
ORDER BY server, stayed DESC, did
