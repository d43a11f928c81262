-- title: Key actions per e-mail
-- about: Who did what the product is for (`events.feature_used`), how often, and when last.
-- key: [email, account_id, person_id, organization]
-- params: {days: 30}
-- facts:
--   key_actions: {label: key actions, type: int, absent: 0}
--   last_key_action_at: {label: last key action, type: time}
SELECT
    {event_key} AS {key},
    count() AS key_actions,
    max(timestamp) AS last_key_action_at
FROM {keyed_events}
WHERE {feature_used}
    AND {keyed_lately}
GROUP BY {key}
