-- The columns of posthog/event_people, of the SELECT of a proposal.
SELECT
    name::text AS event,
    sum(times)::bigint AS events,
    count(*) AS people,
    floor(percentile_cont(0.8) WITHIN GROUP (ORDER BY recent) FILTER (WHERE recent > 0))::bigint AS usual
FROM (
    SELECT name, person, count(*) AS times, count(*) FILTER (WHERE time > now() - INTERVAL '30 days') AS recent
    FROM (
{events}
    ) AS events
    WHERE name IS NOT NULL
    GROUP BY name, person
) AS of_person
GROUP BY name
ORDER BY people DESC, events DESC, event
