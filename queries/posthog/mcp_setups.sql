-- title: Setups completed
-- about: >
--   Who clicked to connect {a server} within `days`, and whether they went on to copy its address, which completes the
--   setup. PostHog does not note of which {server} the address was. The row without an e-mail holds the anonymous visitors.
-- key: email
-- params: {days: 30}
-- facts:
--   mcp_url_copies: {label: addresses copied, type: int, absent: 0}
--   last_mcp_url_copied_at: {label: last address copied, type: time}
SELECT
    {email_of_event} AS email,
    countIf({connect_clicked}) AS clicks,
    countIf({setup_done}) AS mcp_url_copies,
    if(clicks = 0, NULL, minIf(timestamp, {connect_clicked})) AS first_click_at,
    if(mcp_url_copies = 0, NULL, minIf(timestamp, {setup_done})) AS first_mcp_url_copied_at,
    if(mcp_url_copies = 0, NULL, maxIf(timestamp, {setup_done})) AS last_mcp_url_copied_at
FROM events
WHERE ({connect_clicked} OR {setup_done})
    AND {in_days}
    AND {customer}
GROUP BY email
ORDER BY mcp_url_copies DESC, clicks DESC, email
