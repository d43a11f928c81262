-- What each property has held, as the store notes it when events are captured.
INSERT INTO posthog.property_definitions (`type`, name, property_type, scalar_string, version)
SELECT kind, name, multiIf(types = ['String'], 'String', types = ['Bool'], 'Boolean', hasAny(types, ['Int64', 'Float64', 'UInt64']), 'Numeric', ''), types = ['String'], 1
FROM (
    SELECT 'event' AS kind, arrayJoin(distinctJSONPathsAndTypes(properties)) AS entry, entry.1 AS name, entry.2 AS types FROM posthog.events
    UNION ALL
    SELECT 'person', arrayJoin(distinctJSONPathsAndTypes(properties)) AS entry, entry.1, entry.2 FROM posthog.persons
);
