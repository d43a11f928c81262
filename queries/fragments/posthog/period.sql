-- title: The number of the bucket
-- about: >
--   How many buckets of `interval` after the one of `origin` (a local time) an event is.
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
