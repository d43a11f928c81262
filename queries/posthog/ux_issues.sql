-- title: Rage clicks and exceptions, one by one
-- about: >
--   Each rage click and each exception within `days`, newest first, with who met it where. Those of anonymous visitors
--   are here too. posthog/frustration counts them per person, posthog/ux_pages per page.
-- params: {days: 7}
SELECT
    timestamp AS at,
    if({rage}, 'rage click', 'exception') AS issue,
    {email_of_event} AS email,
    properties.$pathname AS page,
    -- newer browser SDKs write only the list
    coalesce(
        nullIf(properties.$exception_message, ''), nullIf(JSONExtractString(properties.$exception_list, 1, 'value'), '')
    ) AS message
FROM events
WHERE ({rage} OR {exception})
    AND {in_days}
    AND {customer}
ORDER BY at DESC, issue, email, page
