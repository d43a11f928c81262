-- Exceptions as issues, by PostHog's issue id or fingerprint, else by type and message. What ranks them comes after this.
-- An issue was first seen when it first occurred, however long before the range.
SELECT
    coalesce(nullIf(issue, ''), nullIf(fingerprint, ''), concat(kind, ': ', message)) AS key,
    any(kind) AS name,
    any(message) AS description,
    min(timestamp) AS first_seen,
    maxIf(timestamp, inside) AS last_seen,
    countIf(inside) AS occurrences,
    uniqExactIf(person_id, inside) AS users,
    uniqExactIf(session, inside) AS sessions,
    any(lib) AS library
FROM (
    SELECT
        timestamp,
        person_id,
        {within} AS inside,
        nullIf($session_id, '') AS session,
        properties.$lib AS lib,
        properties.$exception_issue_id AS issue,
        properties.$exception_fingerprint AS fingerprint,
        coalesce(
            nullIf(properties.$exception_type, ''),
            nullIf(JSONExtractString(ifNull(properties.$exception_list, ''), 1, 'type'), ''),
            'Error'
        ) AS kind,
        coalesce(
            nullIf(properties.$exception_message, ''),
            nullIf(JSONExtractString(ifNull(properties.$exception_list, ''), 1, 'value'), ''),
            ''
        ) AS message
    FROM events
    WHERE event = '$exception' AND timestamp <= toDateTime64({date_to}, 6, 'UTC') AND {filters}
)
WHERE {search} = '' OR positionCaseInsensitiveUTF8(concat(kind, ' ', message), {search}) > 0
GROUP BY key
HAVING occurrences > 0
