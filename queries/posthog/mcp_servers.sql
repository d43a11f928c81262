-- title: Connect clicks by what is connected
-- about: >
--   Each of the {servers} whose connect button was clicked within `days`, how often and by how many persons, known or
--   anonymous, first and last.
-- params: {days: 30}
SELECT
    coalesce(nullIf(properties.template_name, ''), '(not recorded)') AS server,
    count() AS clicks,
    uniqExact(person_id) AS persons,
    min(timestamp) AS first_at,
    max(timestamp) AS last_at
FROM events
WHERE {connect_clicked}
    AND {in_days}
    AND {customer}
GROUP BY server
ORDER BY clicks DESC, server
