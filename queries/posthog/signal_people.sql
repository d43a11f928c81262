-- title: Persons and their profiles
-- about: Which persons of PostHog had events within the window, and whose profile is theirs.
-- key: [email, account_id]
-- params: {days: 90}
SELECT
    {event_key} AS {key},
    toString(person_id) AS id
FROM {keyed_events}
WHERE {in_days}
    AND {event_key} IS NOT NULL
    AND {customer}
GROUP BY {key}, id
