-- Accounts lo() <= n < hi(), in the order they signed up: growth is linear, three times as many a day at the end as at the start.
CREATE TABLE world.accounts (
    n UInt32, id Int32, backend_id Int32, email Nullable(String), name String, persona String, created_at DateTime64(3, 'UTC'),
    active_to DateTime64(3, 'UTC'), country String, utc_offset Int32, credits Nullable(Float64), subscription_status Nullable(String), blocked UInt8
) ENGINE = Memory;

INSERT INTO world.accounts
WITH
    (SELECT groupArray(persona) FROM world.personas) AS names,
    (SELECT arrayCumSum(groupArray(share)) FROM world.personas) AS shares,
    people AS (
        SELECT toUInt32(number) AS n, pick(places(), unit(n, 'place')) AS place, special.email AS special_email, special.name AS special_name,
            special.persona AS special_persona,
            opens() + toIntervalMillisecond(toInt64((sqrt(1 + 8 * (n + 0.5) / users()) - 1) / 2 * days() * 86400000)) AS drawn,
            moment(workday(toDate(drawn), n), place.2, n) AS told,
            if(told > as_of() - toIntervalMinute(20), as_of() - toIntervalSecond(1200 + toUInt32(unit(n, 'late') * 28800)),
                greatest(told, opens() + toIntervalSecond(1800 + toUInt32(unit(n, 'early') * 28800)))) AS created_at,
            multiIf(special_persona != '', special_persona, unit(n, 'internal') < 0.006, 'internal',
                created_at > as_of() - toIntervalDay(6) AND unit(n, 'new') < 0.6, 'newcomer',
                names[arrayFirstIndex(upto -> unit(n, 'persona') * shares[-1] < upto, shares)]) AS persona
        FROM numbers(lo(), hi() - lo()) AS counted LEFT JOIN world.special AS special ON special.n = counted.number
    )
SELECT n, toInt32(lo() + row_number() OVER (ORDER BY created_at, n)) AS id, 1000 + 2 * id,
    multiIf(special_email != '', special_email, persona = 'internal', concat(first_of(n), toString(n), '@datagen.dev'), n % 330 = 200, NULL,
        n % 125 = 60, concat(upper(substring(email_of(n - 1) AS before, 1, 1)), substring(before, 2)), email_of(n)),
    multiIf(special_name != '', special_name, n % 125 = 60, name_of(n - 1), name_of(n)), persona, created_at,
    least(as_of(), if(life > 900, as_of(), created_at + toIntervalSecond(toUInt32(life * (0.3 + 1.4 * unit(n, 'life')) * 86400)))),
    place.1, place.2,
    if(special_email = '' AND unit(n, 'no credits') < 0.01, NULL,
        round((credits.1 + unit(n, 'credits') * (credits.2 - credits.1)) * 2) / 2),
    multiIf(unit(n, 'paying') < paying, 'active', unit(n, 'former') < 0.02, 'deleted', unit(n, 'former') < 0.03, 'past_due',
        NULL),
    special_email = '' AND unit(n, 'blocked') < blocked
FROM people JOIN world.personas USING (persona);
