"""Which table holds what people did: the seed's `Event`, and no calendar; `usertrack.event` needs no file."""

from pathlib import Path

import pytest

from usertrack_track.postgres import schema

from ..conftest import Cli
from .conftest import Reader

PRISMA = """
CREATE TABLE "User" (id text PRIMARY KEY, email text NOT NULL UNIQUE, "signedUpAt" timestamp(3) NOT NULL);
CREATE TABLE "CalendarEvent" (
    id text PRIMARY KEY, name text, "userId" text REFERENCES "User", "createdAt" timestamp(3), properties jsonb
);
INSERT INTO "User" VALUES ('u1', 'ann@x.example', now()), ('u2', 'bob@x.example', now());
"""
EVENTS = """
CREATE TABLE "Event" (
    id text PRIMARY KEY, "userId" text NOT NULL REFERENCES "User", name text NOT NULL,
    properties jsonb NOT NULL DEFAULT '{}', "sessionId" text, "createdAt" timestamp(3) NOT NULL
);
INSERT INTO "Event"
SELECT 'e' || i, 'u' || 1 + i % 2, 'report_generated', '{}', 's1', now() FROM generate_series(1, 9) AS i;
INSERT INTO "Event" VALUES ('f', 'u1', 'account_created', '{}', NULL, now() - interval '1 day');
"""


@pytest.mark.slow
def test_the_seeds_table_becomes_the_entity(cli: Cli, reader: Reader) -> None:
    reader(PRISMA + EVENTS)
    said = cli("init", "acme", "--from-database", "--yes")
    assert said.code == 0, said.err
    file = Path("acme/tables/neon/events.sql").read_text()
    assert file.endswith(
        'SELECT\n    e.id,\n    e."userId" AS person,\n    e.name,\n    e."createdAt" AS time,\n    e.properties,\n'
        '    e."sessionId" AS session\nFROM "Event" AS e\n'
    )
    settings = Path("acme/usertrack.yaml").read_text()
    assert "  signed_up: account_created\n" in settings
    assert "  feature_used: report_generated\n" in settings
    assert "\nevents: none" not in settings
    assert "10 events of acme/tables/neon/events.sql copied" in said.err


@pytest.mark.slow
def test_the_table_of_track_needs_no_file(cli: Cli, reader: Reader) -> None:
    reader(
        f"{PRISMA} {schema()} INSERT INTO usertrack.event (id, distinct_id, name, created_at)"
        " SELECT gen_random_uuid(), 'u1', 'report_generated', now() FROM generate_series(1, 3)"
    )
    said = cli("init", "acme", "--from-database", "--yes")
    assert said.code == 0, said.err
    assert not Path("acme/tables/neon/events.sql").exists()
    settings = Path("acme/usertrack.yaml").read_text()
    assert "  feature_used: report_generated\n" in settings
    assert "\nevents: none" not in settings
