-- title: Workflow runs per e-mail
-- about: >
--   Runs, how they ended, and the messages of those that failed, of which `failures.yaml` names the commonest cause and
--   whose it is to mend, where it occurs more than once. Completed and failed runs are the finished ones; running, queued
--   and cancelled runs count as runs and not in any rate. A run has the state that it has today: when it came to that is
--   not recorded.
-- key: [email, account_id, organization]
-- params: {days: 30}
-- facts:
--   run_count: {label: "{runs}", type: int, absent: 0}
--   runs_recent: {label: "{runs} in the window", type: int, absent: 0}
--   runs_completed: {label: "completed {runs}", type: int, absent: 0, current: true}
--   runs_failed: {label: "failed {runs}", type: int, absent: 0, current: true}
--   last_run_at: {label: "last {run}", type: time}
--   last_failed_run_at: {label: "last failed {run}", type: time, current: true}
--   top_failure: {label: commonest cause of failure, type: causes, current: true}
WITH alike AS (
    SELECT
        a.{key},
        -- one line of a message, without colours, ids, amounts and durations (codes such as 429 and rc=137 stay), so that
        -- a cause comes as one message and its number: every message of a million accounts would take minutes
        CASE WHEN r.failed THEN regexp_replace(
            regexp_replace(
                split_part(
                    btrim(regexp_replace(r.error, '\x1b\[[0-9;?]*[ -/]*[@-~]', '', 'g'), E' \n'),
                    chr(10), CASE WHEN r.error ~ '^(\x1b\[[0-9;?]*[ -/]*[@-~])*Traceback' THEN -1 ELSE 1 END
                ),
                '\m(?=[\w-]*\d)[\w-]{8,}\M', '…', 'g'
            ),
            '(?<![=\w])(?:\d+(?=\s*(?:m?s|[KMG]i?B)\M)|(?![45]\d\d\M)\d+)\M', '…', 'g'
        ) END AS line,
        count(*) AS runs,
        count(*) FILTER (WHERE r.at > {as_of} - make_interval(days => {days}::int)) AS recent,
        count(*) FILTER (WHERE r.ok) AS ok,
        count(*) FILTER (WHERE r.failed) AS failed,
        max(r.at) AS last_at,
        -- '' where credits are not known, by way of a column that every company has
        coalesce(max(a.credits)::text, left(max(a.account_id::text), 0)) AS credits,
        -- both ends, as a traceback says what happened in its last line; 800 characters hold most logs of a failure whole
        max(CASE WHEN length(r.error) > 800 THEN left(r.error, 300) || chr(10) || right(r.error, 500) ELSE r.error END)
            FILTER (WHERE r.failed) AS message
    FROM {runs} AS r
    JOIN {accounts} AS a USING (account_id)
    WHERE r.at <= {as_of}
        AND a.exists_since <= {as_of}
        AND NOT {is_internal}
    GROUP BY 1, 2
)
SELECT
    {key},
    sum(runs)::bigint AS run_count,
    sum(recent)::bigint AS runs_recent,
    sum(ok)::bigint AS runs_completed,
    sum(failed)::bigint AS runs_failed,
    max(last_at) AS last_run_at,
    max(last_at) FILTER (WHERE failed > 0) AS last_failed_run_at,
    -- the 20 that occur most: further ones hardly add up to the commonest cause
    CASE WHEN sum(failed) > 1 THEN (
        array_agg(json_build_array(runs, credits, message)::text ORDER BY runs DESC, message) FILTER (WHERE line <> '')
    )[1:20] END AS top_failure
FROM alike
GROUP BY {key}
