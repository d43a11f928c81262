-- title: Persons and their profiles
-- about: Which persons of PostHog had events within the window, and whose profile is theirs (ids in one text).
-- key: [email, account_id, person_id]
-- params: {days: 90}
SELECT
    {event_key} AS {key},
    arrayStringConcat(groupUniqArray(toString(events.person_id)), ' ') AS ids
FROM {keyed_events}
WHERE {keyed_lately}
GROUP BY {key}
