-- Tool calls: some within a run, some straight over MCP. Everyone has a handful of favourites, and one of them gives trouble.
CREATE TABLE world.tool_calls (
    id Int32, backend_id Int32, n UInt32, tool Tuple(name String, provider String, type String), status String, error_type Nullable(String),
    error_message Nullable(String), ms UInt32, created_at DateTime64(3, 'UTC'), standalone UInt8
) ENGINE = Memory;

INSERT INTO world.tool_calls
WITH
    [('ValidationError', 'Invalid params: teamId "{hex}" is not a valid UUID'), ('ValidationError', 'Missing required field "to" (call {uuid})'),
     ('RateLimitError', 'HTTP 429 Too Many Requests, retry after {line} s: https://api.{provider}.example/v3/{hex}'),
     ('TimeoutError', 'API timeout after 30000 ms calling https://api.{provider}.example/v1/{uuid}'),
     ('AuthError', 'OAuth token for {provider} expired at {line}; reconnect the server'), ('NotFoundError', 'Resource /{provider}/objects/{line}{line} not found'),
     ('ToolError', 'Tool returned no content\n  at {provider}.call (/srv/tools/{hex}.py:{line})')] AS errors,
    drawn AS (
        SELECT n, backend_id, (k, j) AS call, created_at + toIntervalMillisecond(toInt64(ms * (j + unit((n, k, j), 'step')) / 8)) AS at, state = 'failed' AS doomed, 0 AS standalone
        FROM world.runs ARRAY JOIN range(toUInt32(unit((n, k), 'steps') * 5.5)) AS j
        UNION ALL
        SELECT n, backend_id, (k, toUInt64(100)), within(created_at, active_to, utc_offset, (n, k, 'call')), 0, 1
        FROM world.accounts JOIN world.personas USING (persona)
        ARRAY JOIN range(toUInt32(between(calls.1, calls.2, unit(n, 'calls')) * least(1, 0.2 + dateDiff('day', created_at, as_of()) / 60))) AS k WHERE active_to > created_at
        UNION ALL  -- by accounts that are gone: nobody to join them to
        SELECT n, backend_id + 1, (k, toUInt64(200)), within(opens(), as_of(), utc_offset, (n, k, 'gone')), 0, 2
        FROM world.accounts ARRAY JOIN range(9) AS k WHERE n % 200 = 150
    ),
    judged AS (
        SELECT *, pick(tools(), unit((n, toUInt8(pow(unit((n, call), 'tool'), 2) * 5)), 'favourite')) AS tool,
            unit((n, call), 'luck') < multiIf(doomed, 0.3, tool.1 = pick(tools(), unit(n, 'trouble')).1, 0.35, 0.05) + in_incident(at) * 0.05 AS failed,
            errors[1 + toUInt32(unit((n, if(unit((n, call), 'usual') < 0.7, (toUInt64(0), toUInt64(0)), call)), 'error') * length(errors))] AS error
        FROM drawn WHERE at <= as_of()
    )
SELECT 60 * lo() + row_number() OVER (ORDER BY at, n, call), backend_id, n, tool, if(failed, 'failed', 'success'), if(failed, error.1, NULL),
    if(failed, replaceAll(replaceAll(replaceAll(replaceAll(error.2, '{provider}', tool.2), '{hex}', lower(hex(sipHash64(seed(), n, call)))),
        '{uuid}', toString(uuid_of((n, call), 'error'))), '{line}', toString(between(2, 90, unit((n, call), 'line')))), NULL),
    toUInt32(if(failed AND error.1 = 'TimeoutError', 30000, 80 + pow(unit((n, call), 'ms'), 5) * 20000)), at, standalone
FROM judged;
