-- title: Signs of intent per e-mail
-- about: Who showed that they want more (`events.connect_clicked`), how often, and when last.
-- key: [email, account_id, person_id, organization]
-- params: {days: 30}
-- facts:
--   intents: {label: signs of intent, type: int, absent: 0}
--   last_intent_at: {label: last sign of intent, type: time}
SELECT
    {event_key} AS {key},
    count() AS intents,
    max(timestamp) AS last_intent_at
FROM {keyed_events}
WHERE {connect_clicked}
    AND {keyed_lately}
GROUP BY {key}
