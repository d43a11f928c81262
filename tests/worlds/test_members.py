"""`members`: a reporting tool with camelCase tables, uuid and enum columns.

Nobody has a name or credits, no event says that somebody signed up, and no event has a session.
"""

from datetime import datetime, timedelta

from .oracle import SESSIONS, Act, Company, Person, Run
from .walk import Walk
from .world import NOW, Event, Opened, Row, World, ago, uuid

SCHEMA = """
CREATE TYPE "ExportState" AS ENUM ('QUEUED', 'DONE', 'ERRORED');
CREATE TYPE "Plan" AS ENUM ('FREE', 'TEAM');
CREATE TABLE "teams" ("id" uuid PRIMARY KEY, "plan" "Plan" NOT NULL, "createdAt" timestamptz NOT NULL);
CREATE TABLE "members" (
    "id" uuid PRIMARY KEY, "teamId" uuid NOT NULL REFERENCES "teams", "email" text NOT NULL UNIQUE,
    "passwordHash" text NOT NULL, "createdAt" timestamptz NOT NULL
);
CREATE TABLE "exports" (
    "id" uuid PRIMARY KEY, "memberId" uuid NOT NULL REFERENCES "members", "format" text NOT NULL,
    "state" "ExportState" NOT NULL, "failureReason" text, "createdAt" timestamptz NOT NULL, "finishedAt" timestamptz
);
CREATE TABLE "invoices" (
    "id" uuid PRIMARY KEY, "teamId" uuid NOT NULL REFERENCES "teams", "amountCents" integer NOT NULL,
    "paidAt" timestamptz
);
"""
TEAMS = {"orbit": "TEAM", "lumen": "FREE", "quill": "FREE"}
STATES = {"d": "DONE", "e": "ERRORED", "q": "QUEUED"}
# name: team, days since signup, one letter an export with the days since then, events
MEMBERS: dict[str, tuple[str, float, str, list[tuple[float, str]]]] = {
    "ada": ("orbit", 90, "eeeeeed", [(1, "report_opened"), (1.1, "$pageview")]),
    "ben": ("orbit", 60, "dddddddd", [(2, "report_opened"), (2.2, "$rageclick")]),
    "cleo": ("orbit", 45, "d", [(3, "$pageview"), (2, "report_opened"), (1, "report_shared")]),
    "dora": ("lumen", 30, "", [(1, "$exception"), (1.5, "$pageview")]),
    "emil": ("lumen", 20, "", []),
    "finn": ("lumen", 12, "", [(11, "$pageview")]),
    "gina": ("lumen", 8, "", [(5, "$pageview"), (4, "report_shared"), (3, "report_opened")]),
    "hal": ("quill", 5, "dq", [(4, "$pageview"), (3.5, "report_opened"), (3.4, "report_shared")]),
    "ivy": ("quill", 2, "", [(1, "$pageview")]),
    "jon": ("quill", 70, "eeedddd", [(20, "$pageview"), (19, "report_opened")]),
    "kim": ("quill", 66, "dddddd", [(40, "$pageview")]),
    "lou": ("quill", 33, "", [(32, "$pageview")]),
}


def email(name: str) -> str:
    return f"{name}@{MEMBERS[name][0]}.example"


def rows() -> dict[str, list[Row]]:
    members = [
        {
            "id": uuid(name),
            "teamId": uuid(team),
            "email": email(name),
            "passwordHash": "$2b$12$x",
            "createdAt": ago(age),
        }
        for name, (team, age, _, _) in MEMBERS.items()
    ]
    exports = [
        {
            "id": uuid(name, number),
            "memberId": uuid(name),
            "format": "pdf",
            "state": STATES[letter],
            "failureReason": "Template not found: quarterly" if letter == "e" else None,
            "createdAt": at,
            "finishedAt": None if letter == "q" else at + timedelta(seconds=40),
        }
        for name in MEMBERS
        for number, (letter, at) in enumerate(exported(name))
    ]
    teams = [{"id": uuid(team), "plan": plan, "createdAt": ago(100)} for team, plan in TEAMS.items()]
    invoices = [
        {"id": uuid("invoice", n), "teamId": uuid("orbit"), "amountCents": 4900, "paidAt": ago(30 * n)} for n in (1, 2)
    ]
    return {'"teams"': teams, '"members"': members, '"exports"': exports, '"invoices"': invoices}


def exported(name: str) -> list[tuple[str, datetime]]:
    """Each export of a member: how it ended, and when it began, one every two days."""
    return [(letter, ago(1.5 + 2 * number)) for number, letter in enumerate(MEMBERS[name][2])]


def events() -> list[Event]:
    return [
        Event(
            uuid(name), event, ago(days), {"$set": {"email": email(name)}, "$current_url": "https://app.example/home"}
        )
        for name, (*_, acts) in MEMBERS.items()
        for days, event in acts
    ]


def company() -> Company:
    ended = {"d": "ok", "e": "failed", "q": "running"}
    people = [
        Person(
            email(name),
            accounts=1,
            signed_up=ago(age),
            runs=[Run(at, ended[letter]) for letter, at in exported(name)],
            acts=[Act(ago(days), event) for days, event in acts],
        )
        for name, (_, age, _, acts) in MEMBERS.items()
    ]
    return Company(NOW, people)


STEPS = ["$pageview", "report_opened", "report_shared"]


class TestMembers(Walk):
    world = World(
        name="members",
        schema=SCHEMA,
        rows=rows(),
        events=events(),
        names={"features": ["--event", "report_opened"], "email": [email("ada")], "steps": STEPS, "segment": ["power"]},
        with_options=True,
        absent_segments=frozenset({"high_intent"}),
        unknown=company().unknown(SESSIONS, metrics=("Signup to first export",)),
        answers=company().answers(funnel={"steps": company().funnel(STEPS)}),
    )

    def test_failed_exports_stand_alone_where_there_are_no_calls(self, there: Opened) -> None:
        said = [there.run("user", email(name)).out for name in ("ada", "ben")]
        assert any("Failed exports, " in out for out in said)
        assert not any("no call" in out for out in said)
