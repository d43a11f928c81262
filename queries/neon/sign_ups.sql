-- title: Who signed up when
-- about: Everybody whose first account was made from `since` on and before `until`, by e-mail.
-- params:
--   since: {type: timestamp}
--   until: {type: timestamp}
SELECT a.email, min(a.signed_up_at) AS signed_up_at
FROM {accounts} AS a
WHERE a.email IS NOT NULL
    AND NOT {is_internal}
GROUP BY a.email
HAVING min(a.signed_up_at) >= {since} AND min(a.signed_up_at) < {until}
ORDER BY signed_up_at, a.email
