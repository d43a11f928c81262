-- title: Workflow runs per e-mail
-- about: >
--   Runs, how they ended, and the commonest cause of failure. Completed and failed runs are the finished ones;
--   running, queued and cancelled runs count as runs and not in any rate. A run has the state that it has today:
--   when it came to that is not recorded.
-- key: [email, account_id, organization]
-- params: {days: 30}
-- facts:
--   run_count: {label: "{runs}", type: int, absent: 0}
--   runs_recent: {label: "{runs} in the window", type: int, absent: 0}
--   runs_completed: {label: "completed {runs}", type: int, absent: 0, current: true}
--   runs_failed: {label: "failed {runs}", type: int, absent: 0, current: true}
--   last_run_at: {label: "last {run}", type: time}
--   last_failed_run_at: {label: "last failed {run}", type: time, current: true}
--   top_failure: {label: commonest cause of failure, type: text, current: true}
SELECT
    a.{key},
    count(*) AS run_count,
    count(*) FILTER (WHERE r.at > {as_of} - make_interval(days => {days}::int)) AS runs_recent,
    count(*) FILTER (WHERE r.ok) AS runs_completed,
    count(*) FILTER (WHERE r.failed) AS runs_failed,
    max(r.at) AS last_run_at,
    max(r.at) FILTER (WHERE r.failed) AS last_failed_run_at,
    mode() WITHIN GROUP (
        ORDER BY regexp_replace(
            -- one line of it, without colours, ids, amounts and durations (codes such as 429 and rc=137 stay), so that one
            -- cause is one text; of a traceback the last line says what happened, of anything else the first. Only here: a million
            -- accounts' messages would take minutes in usertrack, which makes fingerprints of all others
            regexp_replace(
                regexp_replace(
                    split_part(
                        btrim(regexp_replace(r.error, '\x1b\[[0-9;?]*[ -/]*[@-~]', '', 'g'), E' \n'),
                        chr(10), CASE WHEN r.error ~ '^(\x1b\[[0-9;?]*[ -/]*[@-~])*Traceback' THEN -1 ELSE 1 END
                    ),
                    '\m(?=[\w-]*\d)[\w-]{8,}\M', '…', 'g'
                ),
                '(?<![=\w])(?:\d+(?=\s*(?:m?s|[KMG]i?B)\M)|(?![45]\d\d\M)\d+)\M', '…', 'g'
            ),
            '^(.{79}).{2,}$', '\1…'
        )
    ) FILTER (WHERE r.failed) AS top_failure
FROM {runs} AS r
JOIN {accounts} AS a USING (account_id)
WHERE r.at <= {as_of}
    AND NOT {is_internal}
GROUP BY a.{key}
