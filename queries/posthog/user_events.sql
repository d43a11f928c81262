-- title: What one person did in the product
-- about: One row per event, newest first, with the session of the browser that it is part of.
-- params: {email: {type: list}, days: 30}
SELECT timestamp AS at, event, properties.$pathname AS page, properties.template_name AS detail,
    nullIf($session_id, '') AS session
FROM {keyed_events}
WHERE has({email}, {event_key})
    AND {in_days}
    AND {customer}
ORDER BY at DESC, event
