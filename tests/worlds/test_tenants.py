"""`tenants`: states are smallint and times bigint milliseconds; e-mails are in a table of contacts, two a person.

Rows are deleted softly, plans are the tenant's, and the database runs in America/New_York, `created` without a zone.
"""

import json
import shutil
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from .figures import READ
from .oracle import LENGTHS, Act, Company, Person, Run
from .walk import Walk
from .world import NOW, Event, Opened, Row, World, ago

SCHEMA = """
CREATE TABLE tenants (
    tenant_id integer PRIMARY KEY, name varchar(80) NOT NULL, plan_code smallint NOT NULL, created timestamp NOT NULL,
    deleted timestamp
);
CREATE TABLE persons (
    person_id integer PRIMARY KEY, tenant_id integer NOT NULL REFERENCES tenants, display varchar(80),
    registered_ms bigint NOT NULL, deleted timestamp
);
CREATE TABLE contacts (
    contact_id integer PRIMARY KEY, person_id integer NOT NULL REFERENCES persons, kind varchar(10) NOT NULL,
    value varchar(320) NOT NULL, is_primary boolean NOT NULL
);
CREATE TABLE syncs (
    sync_id integer PRIMARY KEY, person_id integer NOT NULL REFERENCES persons, state smallint NOT NULL,
    message varchar(500), started_ms bigint NOT NULL, created timestamp NOT NULL, deleted timestamp
);
COMMENT ON COLUMN syncs.state IS '0 waiting, 1 running, 2 done, 3 failed';
"""
ZONE = ZoneInfo("America/New_York")
TENANTS = {"cedar": 2, "birch": 0}
# name: tenant, days since signup, one letter a sync every four days, events, deleted
PEOPLE: dict[str, tuple[str, float, str, list[tuple[float, str]], bool]] = {
    "ola": ("cedar", 90, "33333332", [(1, "$pageview"), (0.9, "sync_opened")], False),
    "per": ("cedar", 70, "22222222", [(2, "$pageview")], False),
    "rut": ("cedar", 40, "2", [(3, "$pageview"), (2.9, "$rageclick")], False),
    "sam": ("cedar", 30, "", [(29, "$pageview")], False),
    "tor": ("birch", 21, "", [], False),
    "una": ("birch", 11, "20", [(6, "$pageview"), (5.9, "sync_opened")], False),
    "val": ("birch", 6, "", [(1.5, "$pageview")], False),
    "win": ("birch", 50, "33333333", [(4, "$rageclick")], True),
}
STEPS = ["$pageview", "sync_opened"]
IDS = {name: number for number, name in enumerate(PEOPLE, 1)}
STATES = {"0": "waiting", "1": "running", "2": "ok", "3": "failed"}


def email(name: str) -> str:
    return f"{name}@{PEOPLE[name][0]}.example"


def local(at: datetime) -> str:
    """A time as the database writes it: of its own zone, which it does not say."""
    return at.astimezone(ZONE).replace(tzinfo=None).isoformat()


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def synced(name: str) -> list[tuple[datetime, str]]:
    return [(ago(0.7 + 4 * number), letter) for number, letter in enumerate(PEOPLE[name][2])]


def rows() -> dict[str, list[Row]]:
    tenants = [
        {"tenant_id": number, "name": name.title(), "plan_code": plan, "created": local(ago(100))}
        for number, (name, plan) in enumerate(TENANTS.items(), 1)
    ]
    persons = [
        {
            "person_id": IDS[name],
            "tenant_id": list(TENANTS).index(tenant) + 1,
            "display": name.title(),
            "registered_ms": milliseconds(ago(age)),
            "deleted": local(ago(1)) if gone else None,
        }
        for name, (tenant, age, _, _, gone) in PEOPLE.items()
    ]
    contacts = [
        {"contact_id": 10 * IDS[name] + at, "person_id": IDS[name], "kind": kind, "value": value, "is_primary": at == 0}
        for name in PEOPLE
        for at, (kind, value) in enumerate(
            [("email", email(name)), ("email", f"{name}@private.example"), ("phone", f"+47 555 0{IDS[name]}")]
        )
    ]
    syncs = [
        {
            "sync_id": 100 * IDS[name] + number,
            "person_id": IDS[name],
            "state": int(letter),
            "message": "Unauthorized: token expired" if letter == "3" else None,
            "started_ms": milliseconds(at),
            "created": local(at),
            "deleted": None,
        }
        for name in PEOPLE
        for number, (at, letter) in enumerate(synced(name))
    ]
    return {"tenants": tenants, "persons": persons, "contacts": contacts, "syncs": syncs}


def events() -> list[Event]:
    return [
        Event(
            str(IDS[name]),
            event,
            ago(days),
            {
                "$set": {"email": f"{name}@private.example" if number % 2 else email(name)},
                "$session_id": f"{name}-{int(days)}",
                "$groups": {"tenant": tenant.title()},
            },
        )
        for name, (tenant, _, _, acts, _) in PEOPLE.items()
        for number, (days, event) in enumerate(acts)
    ]


def company() -> Company:
    people = [
        Person(
            str(IDS[name]),
            accounts=1,
            signed_up=ago(age),
            runs=[Run(at, STATES[letter]) for at, letter in synced(name)],
            acts=[Act(ago(days), event) for days, event in acts],
            deleted=gone,
        )
        for name, (_, age, _, acts, gone) in PEOPLE.items()
    ]
    return Company(NOW, people)


class TestTenants(Walk):
    world = World(
        name="tenants",
        schema=SCHEMA,
        timezone="America/New_York",
        rows=rows(),
        events=events(),
        replaced={
            "tables/neon/runs.sql": ("-- timezone: unknown", "-- timezone: America/New_York"),
            "segments.yaml": ("key: email", "key: account_id"),
        },
        absent_segments=frozenset({"high_intent"}),
        names={
            "email": [str(IDS["ola"])],
            "steps": STEPS,
            "segment": ["power"],
            "features": ["--event", "sync_opened"],
        },
        unknown=company().unknown(LENGTHS, metrics=("Signup to first sync",)),
        answers=company().answers(funnel={"steps": company().funnel(STEPS)}),
    )

    def test_any_address_of_an_account_joins(
        self, there: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """PostHog knows the private address of most, and both of one human are one person."""
        workspace = shutil.copytree(there.workspace, tmp_path / "by-email")
        rules = workspace / "segments.yaml"
        rules.write_text(rules.read_text().replace("key: account_id", "key: email"))
        monkeypatch.chdir(workspace)
        document = json.loads(there.run("segments", "--all-members", "-f", "json").out)
        members = READ["segments --all-members"](document)
        emails = {str(IDS[name]): email(name) for name in PEOPLE}
        by_id = self.world.answers["segments --all-members"]
        assert members == {name: keys and sorted(emails[key] for key in keys) for name, keys in by_id.items()}
        for name in ("ola@private.example", "ola@cedar.example"):
            assert "ola@cedar.example" in there.run("explain", name).out
            assert "sync_opened" in there.run("user", name).out
        funnel = json.loads(there.run("funnel", *STEPS, "--segment", "power", "-f", "json").out)
        assert [step["people"] for step in funnel["groups"][0]["steps"]] == [2, 1]
        settings = workspace / "usertrack.yaml"
        settings.write_text(f"{settings.read_text()}\ninternal: [ola@private.example]\n")
        assert email("ola") not in there.run("segments", "--all-members", "-f", "json").out
