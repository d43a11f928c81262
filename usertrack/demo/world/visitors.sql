-- Everyone PostHog could see: per n one account (slot 0), sometimes a second browser that was never merged (1), somebody whose account
-- is gone (2), and four or five who never said who they are (3 to 7). slot and n make the visitor's number.
CREATE TABLE world.visitors (
    visitor UInt64, n UInt32, slot UInt8, seen UInt8, person_id UUID, device String, distinct_id String, email Nullable(String), name String,
    persona String, opened DateTime64(3, 'UTC'), closed DateTime64(3, 'UTC'), country String, utc_offset Int32,
    device_kind Tuple(browser String, os String, type String), origin Tuple(domain String, source String, medium String, campaign String)
) ENGINE = Memory;

INSERT INTO world.visitors
SELECT 8 * toUInt64(n) + slot AS visitor, n, slot, NOT blocked, uuid_of(visitor, 'person'), uuid7(created_at, visitor),
    if(slot = 0, toString(id), concat('browser2-', toString(id))), email, name, persona, created_at, active_to, country, utc_offset,
    pick(devices(), unit(visitor, 'device')), pick(origins(), unit(visitor, 'origin'))
FROM world.accounts ARRAY JOIN if(persona NOT IN ('never_activated', 'api') AND unit(n, 'second browser') < 0.04, [0, 1], [0]) AS slot;

INSERT INTO world.visitors
WITH pick(places(), unit(visitor, 'place')) AS place,
    toFloat64(dateDiff('ms', opens(), as_of())) AS span,
    opens() + toIntervalMillisecond(toInt64((sqrt(1 + 8 * unit(visitor, 'opened')) - 1) / 2 * (span - 3600000))) AS drawn,
    moment(workday(toDate(drawn), visitor), place.2, visitor) AS told,
    if(told > opens() AND told < as_of() - toIntervalHour(1), told, drawn) AS opened
SELECT 8 * toUInt64(number) + slot AS visitor, number, slot, 1, uuid_of(visitor, 'person'), uuid7(opened, visitor),
    if(slot = 2, concat('left-', toString(number)), ''), if(slot = 2, concat('left.', email_of(number + 40000)), NULL),
    if(slot = 2, name_of(number + 40000), ''), if(slot = 2, 'left', 'anonymous'), opened,
    least(as_of(), opened + toIntervalSecond(3600 + toUInt32(pow(unit(visitor, 'span'), 3) * 86400 * 20))), place.1, place.2,
    pick(devices(), unit(visitor, 'device')), pick(origins(), unit(visitor, 'origin'))
FROM numbers(lo(), hi() - lo())
ARRAY JOIN arrayConcat(if(unit(number, 'left') < 0.02, [2], []), if(unit(number, 'crowd') < 0.5, [3, 4, 5, 6], [3, 4, 5, 6, 7])) AS slot;
