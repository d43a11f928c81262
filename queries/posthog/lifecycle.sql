-- title: Lifecycle
-- about: >
--   How many persons were new, returning, resurrecting or dormant in each period, as PostHog counts. New: active in the
--   period in which the person was created. Returning: active in the one before, too. Resurrecting: active otherwise.
--   Dormant: active in the period before, and not in this one. Active is an event of `event`, any when it is empty.
--   Periods are numbered from that of `origin` on; `before` is the begin of the one before it. With `seconds` above 0,
--   periods are that long, from `origin` to the second. A person is in the group of the first value from `origin` on; who was
--   not active since then, of the first before. Groups are ordered by the persons active since then.
-- params:
--   event: {type: list, default: [""]}
--   before: {type: timestamp}
--   interval: day
--   sundays: false
--   seconds: 0
--   origin: {type: timestamp}
--   until: {type: timestamp}
--   where: {type: condition, default: "true"}
WITH
acts AS (
    SELECT
        person_id,
        if(
            max(period) < 0,
            argMinIf(group_of, timestamp, isNotNull(group_of)),
            argMinIf(group_of, timestamp, isNotNull(group_of) AND period >= 0)
        ) AS value,
        arraySort(groupUniqArray(period)) AS active
    FROM (
        SELECT
            person_id, timestamp, {event_group} AS group_of,
            toTimeZone(toDateTime({origin}), {timezone}) AS origin,
            -- a Sunday's week is the Monday's of the day after; hours are counted out, as clocks may be off by half of one
            -- `if` of a constant leaves out what is not asked for
            if({interval} = 'hour', 3600, {seconds}) AS width,
            if(
                width > 0,
                -- nothing is before the period before the first
                intDiv(dateDiff('second', origin, timestamp) + width, greatest(width, 1)) - 1,
                if(
                    {sundays},
                    dateDiff('week', addDays(origin, 1), addDays(toTimeZone(timestamp, {timezone}), 1)),
                    dateDiff({interval}, origin, toTimeZone(timestamp, {timezone}))
                )
            ) AS period
        FROM events
        WHERE timestamp >= toDateTime({before})
            AND timestamp < toDateTime({until})
            AND (has({event}, '') OR event IN {event})
            AND {where}
            AND {audience}
    )
    GROUP BY person_id
),
people AS (
    SELECT
        acts.value AS value,
        acts.active AS active,
        toTimeZone(toDateTime({origin}), {timezone}) AS origin,
        if({interval} = 'hour', 3600, {seconds}) AS width,
        multiIf(
            isNull(born.created_at),
            NULL,
            width > 0,
            toInt(floor(dateDiff('second', origin, born.created_at) / greatest(width, 1))),
            {sundays},
            dateDiff('week', addDays(origin, 1), addDays(toTimeZone(born.created_at, {timezone}), 1)),
            dateDiff({interval}, origin, toTimeZone(born.created_at, {timezone}))
        ) AS created
    FROM acts
    -- persons have their birth; whoever never got a profile has none
    LEFT JOIN (SELECT id, toNullable(created_at) AS created_at FROM persons) AS born ON born.id = acts.person_id
),
-- each active period with the ones before and after it in which the person was active
stays AS (
    SELECT
        value,
        created,
        arrayFirst(p -> p >= 0, active) AS first_active,
        arrayJoin(arrayZip(
            active,
            arrayPushFront(arrayPopBack(active), NULL),
            arrayPushBack(arrayPopFront(active), NULL)
        )) AS stay,
        stay.1 AS period,
        stay.2 AS last,
        multiIf(last = period - 1, 'returning', isNull(last) AND created = period, 'new', 'resurrecting') AS status,
        stay.3 = period + 1 AS goes_on,
        period = first_active AND period >= 0 AS enters
    FROM people
),
states AS (
    SELECT
        value,
        arrayJoin(
            if(goes_on, [tuple(period, status, enters)], [tuple(period, status, enters), tuple(period + 1, 'dormant', enters)])
        ) AS state
    FROM stays
),
cells AS (
    -- by a hash, since texts are slow keys
    SELECT
        cityHash64(tuple(ifNull(value, ''), state.2)) AS hash,
        any(value) AS value,
        state.1 AS period,
        any(state.2) AS status,
        countIf(state.3 AND state.2 != 'dormant') AS entered,
        count() AS persons
    FROM states
    WHERE period >= 0
    GROUP BY hash, period
),
sized AS (
    SELECT
        value, period, status, persons, sum(entered) OVER (PARTITION BY value) AS size,
        uniqExact(value) OVER () AS values_there
    FROM cells
),
ranked AS (
    SELECT value, period, status, persons, values_there, dense_rank() OVER (ORDER BY isNull(value) ASC, size DESC, value ASC) AS place
    FROM sized
)
SELECT
    {group_columns},
    period,
    status,
    sum(persons) AS people,
    any(values_there) AS group_values
FROM ranked
GROUP BY group_value, group_rank, period, status
ORDER BY group_rank, period, status
