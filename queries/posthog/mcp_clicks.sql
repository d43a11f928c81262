-- title: Who clicked to connect what, from where
-- about: >
--   Each person's clicks to connect {a server} within `days`: the {servers} in alphabetical order with how often each, and
--   the referring domain that PostHog noted with the first of them. The row without an e-mail holds the anonymous clicks.
--   posthog/mcp_connects is what profiles take up of this.
-- key: email
-- params: {days: 30}
-- facts:
--   first_mcp_click_at: {label: first connect click in the window, type: time, merge: min}
--   mcp_click_referrer: {label: referrer of the first connect click, type: text}
SELECT
    email,
    sum(clicked) AS clicks,
    arraySort(groupArray(server)) AS servers,
    arrayMap(pair -> pair.2, arraySort(groupArray((server, clicked)))) AS clicks_per_server,
    argMin(referrer, (first_at, server)) AS mcp_click_referrer,
    min(first_at) AS first_mcp_click_at,
    max(last_at) AS last_at
FROM (
    SELECT
        {email_of_event} AS email,
        coalesce(nullIf(properties.template_name, ''), '(not recorded)') AS server,
        count() AS clicked,
        argMin(coalesce(nullIf(properties.$referring_domain, ''), '(not recorded)'), (timestamp, uuid)) AS referrer,
        min(timestamp) AS first_at,
        max(timestamp) AS last_at
    FROM events
    WHERE {connect_clicked}
        AND {in_days}
        AND {customer}
    GROUP BY email, server
)
GROUP BY email
ORDER BY clicks DESC, email
