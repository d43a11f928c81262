-- Workflow runs. A run that had not ended by as_of is still running; in the incident nearly every run dies of the same cause.
CREATE TABLE world.runs (
    n UInt32, k UInt32, id Int32, backend_id Int32, state String, created_at DateTime64(3, 'UTC'), finished_at Nullable(DateTime64(3, 'UTC')),
    ms UInt32, log Nullable(String), persona String
) ENGINE = Memory;

INSERT INTO world.runs
WITH
    (SELECT groupArray((cause, log)) FROM world.causes) AS causes,
    drawn AS (
        SELECT n, k, backend_id, persona, fail, id AS account, within(created_at, active_to, utc_offset, (n, k, 'run')) AS started,
            toUInt32(2000 + pow(unit((n, k), 'ms'), 4) * 600000) AS ms, started + toIntervalMillisecond(ms) AS finished,
            in_incident(started) AND unit((n, k), 'incident') < 0.93 AS struck, unit((n, k), 'state') AS luck,
            multiIf(finished > as_of() OR luck > 0.85 AND started > as_of() - toIntervalHour(2), if(ms > 9000, 'running', 'queued'), struck OR luck < fail, 'failed',
                luck > 0.997, 'queued', luck > 0.98, 'cancelled', 'completed') AS state,
            -- somebody who fails all the time fails for one reason; others for any
            causes[multiIf(struck, 1, n = 3, 1, persona = 'failing' AND unit((n, k), 'usual') < 0.85, 1 + toUInt32(unit(n, 'cause') * length(causes)),
                1 + toUInt32(unit((n, k), 'cause') * length(causes)))].2 AS log
        FROM world.accounts JOIN world.personas USING (persona)
        ARRAY JOIN range(between(runs.1, runs.2, pow(unit(n, 'runs'), 1.6))) AS k
        WHERE active_to > created_at
    )
SELECT n, k, 20 * lo() + row_number() OVER (ORDER BY started, n, k), backend_id, state, started, if(state IN ('running', 'queued'), NULL, finished), ms,
    multiIf(state != 'failed', NULL,
        n = 120, concat(char(27), '[31mFATAL', char(27), '[0m %s {} {0} %(x)s </script><script>alert(1)</script> [/red] run ', toString(k)),
        replaceAll(replaceAll(replaceAll(replaceAll(replaceAll(replaceAll(log,
            '{run}', toString(account * 100 + k)), '{hex}', lower(hex(sipHash64(seed(), n, k)))), '{uuid}', toString(uuid_of((n, k), 'log'))),
            '{ms}', toString(ms)), '{line}', toString(between(12, 240, unit((n, k), 'line')))), '{small}', toString(between(1, 7, unit((n, k), 'small'))))),
    persona
FROM drawn;
