-- title: Pages by rage clicks and exceptions
-- about: >
--   Where people clicked in anger or met an error within `days`, the pages that hit most persons first, with the commonest
--   error. One noisy visitor counts once in `persons`; `visitors` are the persons who saw the page in that time at all.
-- params: {days: 7}
WITH
    -- newer browser SDKs write only the list
    coalesce(
        nullIf(properties.$exception_message, ''), nullIf(JSONExtractString(properties.$exception_list, 1, 'value'), '')
    ) AS message
SELECT
    coalesce(nullIf(properties.$pathname, ''), '(not recorded)') AS page,
    uniqExactIf(person_id, {rage} OR {exception}) AS persons,
    countIf({rage}) AS rage_clicks,
    countIf({exception}) AS exceptions,
    uniqExactIf(person_id, event = '$pageview') AS visitors,
    nullIf(topK(1)(message)[1], '') AS top_message,
    maxIf(timestamp, {rage} OR {exception}) AS last_at
FROM events
WHERE ({rage} OR {exception} OR event = '$pageview')
    AND {in_days}
    AND {customer}
GROUP BY page
HAVING rage_clicks + exceptions > 0
ORDER BY persons DESC, rage_clicks + exceptions DESC, page
