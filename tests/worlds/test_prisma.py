"""`prisma`: the `User` and `Event` tables of seed 001 in Postgres, and nothing else: no PostHog, no runs."""

import json
import re
from datetime import datetime, timedelta

import pytest

from .oracle import BOUNCES, Act, Company, Person
from .walk import Walk
from .world import NOW, Opened, Row, World, ago, uuid

pytestmark = pytest.mark.slow  # `conftest.FAST` says which worlds everybody walks

SCHEMA = """
CREATE TABLE "User" (
    "id" text PRIMARY KEY, "email" text NOT NULL UNIQUE, "signedUpAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "plan" text DEFAULT 'trial', "convertedAt" timestamp(3), "churned" boolean NOT NULL DEFAULT false,
    "churnedAt" timestamp(3)
);
CREATE TABLE "Event" (
    "id" text PRIMARY KEY, "userId" text NOT NULL REFERENCES "User", "name" text NOT NULL,
    "properties" jsonb NOT NULL DEFAULT '{}', "sessionId" text, "createdAt" timestamp(3) NOT NULL
);
CREATE INDEX ON "Event" ("userId", "createdAt");
CREATE INDEX ON "Event" ("name", "createdAt");
"""
FUNNEL = ["signed_up", "onboarding_started", "workspace_created", "first_item_created", "onboarding_completed"]
# name: days since signup, steps of the funnel done in the first hour, days with activity before now, churned
USERS: dict[str, tuple[float, int, list[float], bool]] = {
    "abe": (3, 5, [0.5, 1.5], False),
    "bea": (5, 3, [2.5], False),
    "cid": (6, 1, [], False),
    "dee": (10, 5, [0.6, 1.6, 2.6, 3.6, 8.6], False),
    "eli": (12, 2, [], False),
    "fae": (14, 5, [3.5, 9.5], False),
    "gus": (20, 4, [13.5], False),
    "hip": (24, 5, [0.7, 5.7, 15.7], False),
    "ian": (28, 2, [], True),
    "joy": (40, 5, [1.2, 11.2, 21.2, 31.2], False),
    "ken": (48, 5, [18.4], False),
    "lea": (55, 3, [], True),
    "max": (62, 5, [number / 4 + 0.1 for number in range(120)], False),
    "nia": (70, 1, [], True),
}
PAYS_SINCE = {"max": 30, "lea": 54}  # days ago; lea left 49 days ago


def acts(name: str) -> list[tuple[datetime, str]]:
    age, steps, active, churned = USERS[name]
    joined = [(ago(age) + timedelta(minutes=10 * number), step) for number, step in enumerate(FUNNEL[:steps])]
    used = [(ago(days), "feature_used") for days in active]
    left = [(ago(age - 6), "cancellation_started")] if churned else []
    return sorted(joined + used + left)


def rows() -> dict[str, list[Row]]:
    users = [
        {
            "id": uuid(name),
            "email": f"{name}@kiln.example",
            "signedUpAt": naive(ago(age)),
            "plan": "trial" if name != "max" else "pro",
            "convertedAt": naive(ago(PAYS_SINCE[name])) if name in PAYS_SINCE else None,
            "churned": churned,
            "churnedAt": naive(ago(age - 6)) if churned else None,
        }
        for name, (age, _, _, churned) in USERS.items()
    ]
    events = [
        {
            "id": uuid(name, number),
            "userId": uuid(name),
            "name": event,
            "properties": json.dumps({"feature": "export"} if event == "feature_used" else {}),
            "sessionId": uuid(name, at.date()),
            "createdAt": naive(at),
        }
        for name in USERS
        for number, (at, event) in enumerate(acts(name))
    ]
    return {'"User"': users, '"Event"': [row | {"properties": json.loads(row["properties"])} for row in events]}


def naive(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat()


def company() -> Company:
    people = [
        Person(
            f"{name}@kiln.example",
            accounts=1,
            signed_up=ago(age),
            acts=[Act(*act) for act in acts(name)],
            churned=churned,
        )
        for name, (age, _, _, churned) in USERS.items()
    ]
    return Company(NOW, people, has_runs=False, has_frustration=False)


class TestPrisma(Walk):
    world = World(
        name="prisma",
        schema=SCHEMA,
        rows=rows(),
        absent_segments=frozenset({"failing", "frustrated", "high_intent", "power"}),
        refused=frozenset({"failures"}),
        names={
            "email": ["dee@kiln.example"],
            "steps": FUNNEL,
            "segment": ["active", "--set", "lifecycle"],
            "features": ["--event", "feature_used", "--property", "feature"],
        },
        unknown=company().unknown(BOUNCES),
        answers=company().answers(funnel={"steps": company().funnel(FUNNEL)}),
    )

    def test_customers_leave_by_their_own_word(self, there: Opened) -> None:
        paid = json.loads(there.run("churn", "--gone", "7", "-f", "json").out)["paid"]
        assert [(period["start"], period["hits"], period["n"]) for period in paid] == [
            ("2026-10-02", 1, 1),
            *((f"2026-{day}", 0, 1) for day in ("10-23", "10-30", "11-06", "11-13")),
        ]
        assert "Customers, by the accounts' own word" in there.run("churn", "--gone", "7").out
        assert "paid" not in json.loads(there.run("churn", "--breakdown", "feature", "-f", "json").out)

    def test_the_week_has_no_row_that_only_says_nothing(self, there: Opened) -> None:
        week = " ".join(there.run("report", "weekly", "-f", "markdown").out.split())
        assert "Signed up, and how far they came: 3 -" in week  # there is nothing else to come to
        assert not re.search(r"PostHog saw|Visits|Pageviews|## Traffic", week.partition("<!--")[0])
