-- usertrack_track keeps events and what waits for PostHog in a schema of its own.
-- `python -m usertrack_track migrate` runs this file; whoever has migrations of their own copies it into one.

CREATE SCHEMA IF NOT EXISTS usertrack;

-- Every event that was tracked. id: a version 7 UUID, the event's in PostHog too.
CREATE TABLE IF NOT EXISTS usertrack.event (
    id uuid PRIMARY KEY,
    distinct_id text NOT NULL,
    name text NOT NULL,
    properties jsonb NOT NULL DEFAULT '{}',
    session_id text,
    created_at timestamptz NOT NULL
);
-- An index takes no row of more than 2 700 bytes: it has the first 200 characters. A query that is to use it says
-- WHERE left(distinct_id, 200) = '…'.
CREATE INDEX IF NOT EXISTS event_left_distinct_id_created_at ON usertrack.event (left(distinct_id, 200), created_at);
CREATE INDEX IF NOT EXISTS event_left_name_created_at ON usertrack.event (left(name, 200), created_at);
DROP INDEX IF EXISTS usertrack.event_distinct_id_created_at, usertrack.event_name_created_at;

-- What PostHog has not acknowledged yet. refusal: why it never will, as PostHog says; such a row is not sent again.
CREATE TABLE IF NOT EXISTS usertrack.outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    message json NOT NULL,
    refusal text
);

-- Properties of persons (group_type: '') and groups whose facts have changed; the relay computes them anew.
CREATE TABLE IF NOT EXISTS usertrack.due_property (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_type text NOT NULL,
    holder_id text NOT NULL,
    name text NOT NULL,
    due_at timestamptz NOT NULL DEFAULT now()
);

-- The value of each that PostHog was told last. failure: the type of the error that the last attempt ended with.
CREATE TABLE IF NOT EXISTS usertrack.profile_property (
    group_type text NOT NULL,
    holder_id text NOT NULL,
    name text NOT NULL,
    value jsonb,
    refreshed_at timestamptz,
    failure text,
    PRIMARY KEY (group_type, holder_id, name)
);
