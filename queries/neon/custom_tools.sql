-- title: Custom tools that people built
-- about: One row per tool that was ever deployed, newest first; its length is in characters of code.
SELECT d.at, a.email, d.name, d.description, d.code_length
FROM {deployments} AS d
LEFT JOIN {accounts} AS a USING (account_id)
WHERE d.at <= {as_of}
    AND NOT {is_internal}
ORDER BY d.at DESC, email, name, description, code_length
