-- title: Rage clicks and exceptions per e-mail
-- about: Who clicked in anger or met an error in the browser, and on which page most.
-- key: [email, account_id, person_id, organization]
-- params: {days: 7}
-- facts:
--   rage_clicks: {label: rage clicks, type: int, absent: 0}
--   exceptions: {label: exceptions, type: int, absent: 0}
--   worst_page: {label: page with most of them, type: text}
--   last_frustration_at: {label: last rage click or exception, type: time}
SELECT
    {event_key} AS {key},
    countIf({rage}) AS rage_clicks,
    countIf({exception}) AS exceptions,
    nullIf(topK(1)(properties.$pathname)[1], '') AS worst_page,
    max(timestamp) AS last_frustration_at
FROM {keyed_events}
WHERE ({rage} OR {exception})
    AND {keyed_lately}
GROUP BY {key}
