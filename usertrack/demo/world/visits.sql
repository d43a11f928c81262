-- Sessions in a browser. k = 0 is the first one (it signs the account up); those from 1000 on are the frustrated ones of the last days.
CREATE TABLE world.visits (
    visitor UInt64, k UInt32, started DateTime64(3, 'UTC'), session String, pages UInt8, pace UInt32, slot UInt8, seen UInt8, persona String,
    device String, distinct_id String, opened DateTime64(3, 'UTC')
) ENGINE = Memory;

INSERT INTO world.visits
WITH
    toFloat64(dateDiff('second', opened, closed)) / 604800 AS weeks,
    multiIf(slot >= 2, toUInt32(pow(unit(visitor, 'visits'), 5) * 4), slot = 1, 2 + toUInt32(unit(visitor, 'visits') * 4),
        least(150, toUInt32(personas.visits * weeks * (0.5 + unit(visitor, 'visits')) + unit(visitor, 'odd')))) AS later,
    arrayConcat(if(slot = 1, [], [0]), arrayMap(i -> 1 + i, range(later)),
        if(persona = 'frustrated' AND slot = 0, arrayMap(i -> 1000 + i, range(between(2, 5, unit(visitor, 'anger')))), [])) AS ks
SELECT visitor, k,
    multiIf(k > 0, within(if(k < 1000, opened, greatest(opened, as_of() - toIntervalDay(6))), closed, utc_offset, (visitor, k)),
        slot >= 2, opened, opened - toIntervalSecond(120 + toUInt32(unit(visitor, 'hesitates') * 1200))) AS started,
    uuid7(started, (visitor, k)), if(slot > 2, between(1, 3, pow(unit((visitor, k), 'pages'), 2)), between(2, 5, pow(unit((visitor, k), 'pages'), 1.8))),
    between(15, 160, pow(unit((visitor, k), 'pace'), 2)) * 1000, slot, seen, persona, device, distinct_id, opened
FROM world.visitors LEFT JOIN world.personas USING (persona) ARRAY JOIN ks AS k
WHERE persona != 'api';
