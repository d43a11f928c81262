-- title: Events as patterns see them
-- about: >
--   Every event that was taken in within [`since`, `until`), by its time or, with `arrived`, by that of its arrival. No
--   property but those that patterns look at; no event is later than its arrival, whatever a browser's clock says. With
--   `person`, the id of one, theirs alone.
-- key: uuid
-- params:
--   since: {type: timestamp}
--   until: {type: timestamp}
--   arrived: false
--   person: ""
SELECT
    least(timestamp, created_at) AS at,
    created_at AS arrived_at,
    toString(uuid) AS uuid,
    event,
    toString(person_id) AS who,
    distinct_id,
    $session_id AS session,
    $window_id AS tab,
    coalesce(nullIf(properties.$pathname, ''), properties.$current_url) AS address,
    nullIf(toString(properties.$exception_fingerprint), '') AS fingerprint,
    coalesce(
        nullIf(properties.$exception_message, ''), nullIf(JSONExtractString(properties.$exception_list, 1, 'value'), '')
    ) AS message,
    nullIf(toString(properties.form_id), '') AS form,
    nullIf(toString(properties.field), '') AS field,
    nullIf(toString(properties.$event_type), '') AS event_type,
    toFloat(properties.visible_seconds) AS seconds
FROM events
WHERE event NOT IN ('$$heatmap', '$feature_flag_called', '$set', '$groupidentify')
    AND if({arrived}, created_at, timestamp) >= toDateTime({since})
    AND if({arrived}, created_at, timestamp) < toDateTime({until})
    AND ({person} = '' OR toString(person_id) = {person})
    AND {customer}
