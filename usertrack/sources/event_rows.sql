-- The rows of own events as texts that are never NULL, in the order of synchronise.COLUMNS.
-- A visitor without an account is their session. Without a session each event is somebody else's.
WITH usertrack_events AS NOT MATERIALIZED (
{events}
), usertrack_rows AS NOT MATERIALIZED (
    SELECT
        coalesce(id::text, '') AS id,
        CASE
            WHEN anonymous THEN coalesce('session ' || nullif(session, ''), id::text, '')
            ELSE person::text
        END AS whose,
        CASE WHEN anonymous THEN 'false' ELSE '' END AS profile,
        coalesce(name, '') AS name,
        time::timestamptz AS time,
        coalesce(properties, '') AS properties,
        coalesce(session, '') AS session
    FROM (SELECT *, coalesce(person::text, '') = '' AS anonymous FROM usertrack_events) AS e
)
