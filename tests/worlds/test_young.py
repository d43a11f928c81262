"""`young`: three weeks old, with 12 accounts. Its log begins inside the period that a month is compared with."""

import json
from collections.abc import Callable
from datetime import datetime

import httpx

from .oracle import LENGTHS, Act, Company, Person, Run
from .walk import Walk
from .world import NOW, Event, Opened, Row, World, ago

SCHEMA = """
CREATE TABLE users (
    id serial PRIMARY KEY, email text UNIQUE NOT NULL, name text, created_at timestamptz NOT NULL,
    last_seen_at timestamptz
);
CREATE TABLE renders (
    id serial PRIMARY KEY, user_id integer NOT NULL REFERENCES users, state text NOT NULL, error text,
    created_at timestamptz NOT NULL
);
"""
# name: days since signup, one letter a render every day, events as (days ago, name)
USERS: dict[str, tuple[float, str, list[tuple[float, str]]]] = {
    "amy": (20.9, "ddddddff", [(20.8, "signed_up"), (6, "$pageview"), (1, "$pageview")]),
    "bob": (20, "dd", [(19.9, "signed_up"), (13, "$pageview")]),
    "cat": (18, "", [(18, "signed_up"), (17, "$pageview")]),
    "dan": (15, "ffffffd", [(15, "signed_up"), (2, "$pageview"), (1.9, "$rageclick")]),
    "eva": (14.5, "", []),
    "fox": (12, "", [(12, "signed_up"), (1.5, "$pageview")]),
    "geo": (9, "d", [(9, "signed_up"), (8, "$pageview"), (3, "$pageview")]),
    "hel": (8, "", [(8, "signed_up")]),
    "ira": (7, "", [(7, "signed_up")]),
    "jim": (5, "d", [(5, "signed_up"), (4, "$pageview")]),
    "kai": (3, "", [(3, "signed_up"), (2.5, "$exception")]),
    "lia": (0.4, "", [(0.4, "signed_up")]),
}
STEPS = ["signed_up", "$pageview"]


def email(name: str) -> str:
    return f"{name}@studio.example"


def rendered(name: str) -> list[tuple[datetime, str]]:
    return [(ago(0.6 + number), letter) for number, letter in enumerate(USERS[name][1])]


def rows() -> dict[str, list[Row]]:
    ids = {name: number for number, name in enumerate(USERS, 1)}
    users = [
        {"id": ids[name], "email": email(name), "name": name.title(), "created_at": ago(age), "last_seen_at": None}
        for name, (age, *_) in USERS.items()
    ]
    renders = [
        {
            "id": 100 * ids[name] + number,
            "user_id": ids[name],
            "state": "done" if letter == "d" else "failed",
            "error": None if letter == "d" else f"ffmpeg exited with returncode=137 after {number} s",
            "created_at": at,
        }
        for name in USERS
        for number, (at, letter) in enumerate(rendered(name))
    ]
    return {"users": users, "renders": renders}


def events() -> list[Event]:
    return [
        Event(name, event, ago(days), {"$set": {"email": email(name)}, "$session_id": f"{name}-{int(days)}"})
        for name, (*_, acts) in USERS.items()
        for days, event in acts
    ]


def company() -> Company:
    ended = {"d": "ok", "f": "failed"}
    people = [
        Person(
            email(name),
            accounts=1,
            signed_up=ago(age),
            runs=[Run(at, ended[letter]) for at, letter in rendered(name)],
            acts=[Act(ago(days), event) for days, event in acts],
        )
        for name, (age, _, acts) in USERS.items()
    ]
    return Company(NOW, people)


class TestYoung(Walk):
    world = World(
        name="young",
        schema=SCHEMA,
        rows=rows(),
        events=events(),
        absent_segments=frozenset({"high_intent"}),
        names={"email": [email("amy")], "steps": STEPS, "segment": ["power"], "features": ["--event", "$pageview"]},
        unknown=company().unknown(
            LENGTHS,
            metrics=("Daily active people", "Signup to first render", "Render success rate"),
            churn=("churn rate:", "lifetime:"),
        ),
        answers=company().answers(
            funnel={"steps": company().funnel(STEPS)},
            activity=company().activity() | {"returning": None, "resurrected": None, "churned": None},
        ),
    )

    def test_sessions_of_a_period_before_the_log_are_unknown(self, there: Opened) -> None:
        sessions = json.loads(there.run("sessions", "--days", "14", "-f", "json").out)
        assert (sessions["now"]["sessions"], sessions["before"]["sessions"]) == (17, None)
        begin = "the log begins on 30 Oct 2026: the sessions of the period before are unknown"
        assert begin in sessions["notes"]

    def test_the_filter_of_activity_offers_only_segments_that_there_are(
        self, there: Opened, browser: Callable[[str], httpx.Response]
    ) -> None:
        page = browser("/activity").text
        assert '<option value="frustrated"' in page
        assert "high_intent" not in page

    def test_days_before_the_log_are_in_no_average(self, there: Opened) -> None:
        activity = json.loads(there.run("activity", "-f", "json").out)
        days = [day["dau"] for day in activity["days"] if day["complete"]]
        assert (len(days), activity["now"]["mean_dau"]) == (20, sum(days) / 20)
        assert len([day for day in activity["days"] if not day["complete"]]) == 10  # nine before it, and today
        metrics = json.loads(there.run("metrics", "active_people", "-f", "json").out)["metrics"]
        assert [(metric["value"], metric["n"]) for metric in metrics] == [(sum(days) / 20, 20)]
