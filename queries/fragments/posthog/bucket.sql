-- title: The number of the bucket
-- about: >
--   Needs `timestamp` and a column `origin`, a local time: how many buckets of `interval` after that of `origin` an event
--   is. A Sunday's week is the Monday's of the day after. Hours are counted out, as clocks may be off by half of one. `if`
--   of a constant leaves out what is not asked for.
-- params: {interval: week, sundays: false}
if(
    {interval} = 'hour',
    toInt(floor(dateDiff('second', origin, timestamp) / 3600)),
    if(
        {sundays},
        dateDiff('week', addDays(origin, 1), addDays(toTimeZone(timestamp, {timezone}), 1)),
        dateDiff({interval}, origin, toTimeZone(timestamp, {timezone}))
    )
)
