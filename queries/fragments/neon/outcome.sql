-- title: How a call ended
-- about: >
--   Needs `t`, the call: ok, failed, running (or queued), cancelled, and unknown for any other status.
CASE
    WHEN t.status::text IN ('success', 'completed') THEN 'ok'
    WHEN t.status::text = 'failed' THEN 'failed'
    WHEN t.status::text IN ('running', 'queued', 'pending') THEN 'running'
    WHEN t.status::text IN ('cancelled', 'canceled') THEN 'cancelled'
    ELSE 'unknown'
END
