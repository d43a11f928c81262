-- title: Custom tools of one person
-- about: What the person has built and deployed.
-- params: {email: {type: list}}
SELECT d.name, d.description, d.code_length, d.at AS created_at
FROM {deployments} AS d
JOIN {accounts} AS a USING (account_id)
WHERE a.{key}::text = ANY({email}) AND d.at <= {as_of}
    AND NOT {is_internal}
ORDER BY d.at DESC, d.name
