"""`tracked`: a product that calls `track()`. Its accounts and `usertrack.event` are in Postgres; PostHog is away."""

from datetime import datetime

import pytest

from usertrack_track.postgres import schema

from .oracle import BOUNCES, Act, Company, Person, Run
from .walk import Walk
from .world import NOW, Row, World, ago, uuid

pytestmark = pytest.mark.slow  # `conftest.FAST` says which worlds everybody walks

SCHEMA = f"""
CREATE TABLE customers (
    id bigint PRIMARY KEY, email varchar(255) NOT NULL UNIQUE, full_name text, created_at timestamptz NOT NULL
);
CREATE TABLE builds (
    id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, status text NOT NULL, error_message text,
    created_at timestamptz NOT NULL
);
{schema()}
"""
# name: days since signup, one letter a build every three days, events as (days ago, name)
CUSTOMERS: dict[str, tuple[float, str, list[tuple[float, str]]]] = {
    "uma": (80, "fffffffs", [(80, "signed_up"), (79, "project_created"), (2, "build_started"), (1, "$exception")]),
    "vic": (60, "ssssssss", [(60, "signed_up"), (59, "project_created"), (3, "build_started")]),
    "wes": (25, "s", [(25, "signed_up"), (24, "project_created"), (9, "build_started")]),
    "xia": (20, "", [(20, "signed_up")]),
    "yan": (16, "", [(16, "signed_up"), (15, "project_created")]),
    "zoe": (9, "", [(9, "signed_up"), (8.5, "project_created"), (0.5, "page_viewed")]),
    "ari": (4, "ss", [(4, "signed_up"), (3.9, "project_created"), (3.8, "build_started")]),
    "bo": (1, "", [(1, "signed_up")]),
}
VISITORS = {"anonymous-1": [(5.0, "page_viewed")], "anonymous-2": [(2.0, "page_viewed"), (1.9, "$exception")]}
STEPS = ["signed_up", "project_created", "build_started"]
IDS = {name: number for number, name in enumerate(CUSTOMERS, 1)}


def email(name: str) -> str:
    return f"{name}@forge.example"


def built(name: str) -> list[tuple[datetime, str]]:
    return [(ago(0.3 + 3 * number), letter) for number, letter in enumerate(CUSTOMERS[name][1])]


def rows() -> dict[str, list[Row]]:
    customers = [
        {"id": IDS[name], "email": email(name), "full_name": name.title(), "created_at": ago(age)}
        for name, (age, *_) in CUSTOMERS.items()
    ]
    builds = [
        {
            "id": 1000 * IDS[name] + number,
            "customer_id": IDS[name],
            "status": "succeeded" if letter == "s" else "failed",
            "error_message": None if letter == "s" else "Out of memory: killed",
            "created_at": at,
        }
        for name in CUSTOMERS
        for number, (at, letter) in enumerate(built(name))
    ]
    did = [(str(IDS[name]), acts) for name, (_, _, acts) in CUSTOMERS.items()] + list(VISITORS.items())
    events = [
        {
            "id": uuid(who, number),
            "distinct_id": who,
            "name": event,
            "properties": {"$pathname": "/home"},
            "session_id": f"{who}-{int(days)}",
            "created_at": ago(days),
        }
        for who, acts in did
        for number, (days, event) in enumerate(acts)
    ]
    return {"customers": customers, "builds": builds, "usertrack.event": events}


def company() -> Company:
    ended = {"s": "ok", "f": "failed"}
    people = [
        Person(
            email(name),
            accounts=1,
            signed_up=ago(age),
            runs=[Run(at, ended[letter]) for at, letter in built(name)],
            acts=[Act(ago(days), event) for days, event in acts],
        )
        for name, (age, _, acts) in CUSTOMERS.items()
    ]
    visitors = [
        Person(who, acts=[Act(ago(days), event) for days, event in acts], anonymous=True)
        for who, acts in VISITORS.items()
    ]
    return Company(NOW, people + visitors)


class TestTracked(Walk):
    world = World(
        name="tracked",
        schema=SCHEMA,
        rows=rows(),
        absent_segments=frozenset({"high_intent"}),
        names={
            "email": [email("uma")],
            "steps": STEPS,
            "segment": ["power"],
            "features": ["--event", "build_started"],
        },
        unknown=company().unknown(BOUNCES, metrics=("Signup to first build",)),
        answers=company().answers(funnel={"steps": company().funnel(STEPS)}),
    )
