-- title: Custom tools per e-mail
-- about: How many tools somebody built, and when the last.
-- key: [email, account_id, organization]
-- facts:
--   custom_tools: {label: "{custom_tools} built", type: int, absent: 0}
--   last_custom_tool_at: {label: "last {custom_tool}", type: time}
SELECT
    a.{key},
    count(*) AS custom_tools,
    max(d.at) AS last_custom_tool_at
FROM {deployments} AS d
JOIN {accounts} AS a USING (account_id)
WHERE d.at <= {as_of}
    AND a.exists_since <= {as_of}
    AND NOT {is_internal}
GROUP BY a.{key}
