-- title: Workflow runs of one person, by how they ended
-- about: >
--   Workflow level; a failed run here may have had no failed tool call, and the other way round. Messages come as they were
--   written, but for the middle of very long ones; `usertrack user` makes fingerprints of them before anybody sees them.
-- params: {email: {type: list}}
SELECT
    r.outcome,
    -- a traceback says what happened in its last line: of a long one both ends are kept, cut where lines end
    CASE
        WHEN NOT r.failed THEN NULL
        WHEN length(r.error) > 4000
            THEN left(r.error, 1500) || chr(10) || regexp_replace(right(r.error, 2400), '^[^\n]*\n', '')
        ELSE r.error
    END AS message,
    CASE WHEN r.failed THEN a.credits END AS credits,
    count(*) AS runs,
    min(r.at) AS first_at,
    max(r.at) AS last_at
FROM {runs} AS r
JOIN {accounts} AS a USING (account_id)
WHERE a.{key}::text = ANY({email}) AND r.at <= {as_of}
    AND NOT {is_internal}
GROUP BY 1, 2, 3
ORDER BY runs DESC, outcome, message
