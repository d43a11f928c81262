-- The store of the embedded PostHog. One statement ends at one semicolon; every statement can be run again.
CREATE DATABASE IF NOT EXISTS posthog;

CREATE TABLE IF NOT EXISTS posthog.events (
    uuid UUID,
    event LowCardinality(String),
    properties JSON(max_dynamic_paths = 1024),
    timestamp DateTime64(6, 'UTC'),
    distinct_id String,
    person_id UUID,                    -- always the person of today: a merge updates it in place
    created_at DateTime64(6, 'UTC'),
    elements_chain String,
    person_mode LowCardinality(String),-- full | propertyless
    `$session_id` String,              -- '' when the event has none, likewise $window_id and the groups
    `$window_id` String,
    `$group_0` String, `$group_1` String, `$group_2` String, `$group_3` String, `$group_4` String,
    INDEX uuid_seen uuid TYPE bloom_filter(0.001) GRANULARITY 1 -- every commit asks which uuids are new
) ENGINE = MergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (event, toDate(timestamp), cityHash64(distinct_id), timestamp)
SETTINGS enable_block_number_column = 1, enable_block_offset_column = 1;

-- persons are read by id, a few at a time, while events come in: hence the fine granularity
CREATE TABLE IF NOT EXISTS posthog.persons (
    id UUID,
    created_at DateTime64(6, 'UTC'),
    properties JSON(max_dynamic_paths = 1024),
    is_identified Bool,
    last_seen_at Nullable(DateTime64(6, 'UTC')),
    version UInt64,
    is_deleted UInt8 DEFAULT 0
) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY id
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS posthog.person_distinct_ids (
    distinct_id String,
    person_id UUID,
    version UInt64,
    is_deleted UInt8 DEFAULT 0
) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY distinct_id
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS posthog.groups (
    `index` UInt8,
    key String,
    created_at DateTime64(6, 'UTC'),
    updated_at DateTime64(6, 'UTC'),
    properties JSON,
    version UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY (`index`, key);

-- a block of captured events is on the disk before the log forgets them; tables of older versions did not sync
ALTER TABLE posthog.events MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE posthog.persons MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE posthog.person_distinct_ids MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE posthog.groups MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

-- which `$group_<index>` a group type has; at most five, in the order in which they were first seen
CREATE TABLE IF NOT EXISTS posthog.group_types (
    `index` UInt8,
    group_type String
) ENGINE = ReplacingMergeTree ORDER BY `index`;

-- which kinds of value each property has held; this types `properties.x` in HogQL
CREATE TABLE IF NOT EXISTS posthog.property_definitions (
    `type` LowCardinality(String),       -- event | person | group
    name String,
    property_type LowCardinality(String), -- String | Numeric | Boolean | DateTime, as PostHog detects it at first sight
    scalar_string UInt8,               -- 1 while every value seen was a plain string or null
    version UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY (`type`, name);

-- static cohorts: lists of persons that somebody made over the API
CREATE TABLE IF NOT EXISTS posthog.cohorts (
    id UInt32,
    name String,
    description String,
    created_at DateTime64(6, 'UTC'),
    deleted UInt8,
    version UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY id;

CREATE TABLE IF NOT EXISTS posthog.static_cohort_people (
    cohort_id UInt32,
    person_id UUID,
    version UInt64,
    is_deleted UInt8
) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (cohort_id, person_id);

-- what a synchronisation with the company's own Postgres does not bring back: `person` (ids of erased ones, which are
-- hashes), events `before` a moment that have expired, and anything at all once people have become `pseudonyms`
CREATE TABLE IF NOT EXISTS posthog.left_out (
    what LowCardinality(String),
    value String
) ENGINE = ReplacingMergeTree ORDER BY (what, value);

-- rows there that are no events here; they are read again with the others of their time
CREATE TABLE IF NOT EXISTS posthog.refused (
    id String,
    timestamp DateTime64(6, 'UTC'),
    problem LowCardinality(String)
) ENGINE = MergeTree ORDER BY timestamp;

-- what an import that was killed had staged
DROP TABLE IF EXISTS posthog.import_events;

DROP TABLE IF EXISTS posthog.import_repeats;

DROP TABLE IF EXISTS posthog.import_links;

DROP TABLE IF EXISTS posthog.import_people;

DROP TABLE IF EXISTS posthog.import_joined;

DROP TABLE IF EXISTS posthog.import_gone;

-- what people becoming pseudonyms had staged, likewise
DROP TABLE IF EXISTS posthog.disguised;
