"""`odd`: your own people in every disguise, one human with several addresses and ids, and hostile strings everywhere.

Events lie in the future and on the edge of a range, and 25 of them at one moment. Some people said no.
"""

import json
import re
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from ..conftest import slow_but
from .oracle import SESSIONS, Act, Company, Person, Run
from .walk import Walk
from .world import NOW, Event, Opened, Row, World, ago

SCHEMA = """
CREATE TABLE accounts (
    id integer PRIMARY KEY, email text, name text, role text NOT NULL DEFAULT 'user', created_at timestamptz NOT NULL
);
CREATE TABLE jobs (
    id integer PRIMARY KEY, account_id integer NOT NULL REFERENCES accounts, status text NOT NULL, error text,
    created_at timestamptz NOT NULL
);
"""
HOSTILE = "<script>alert(1)</script> \x1b[31m[/red]{0}%s'\"; DROP TABLE jobs; -- \u202e\u200b🎉 =1+1|`rm`"
RAGE, VIEW = "$rageclick", "$pageview"
# id: e-mail, days since signup, one letter a job every day
ACCOUNTS: dict[int, tuple[str | None, float, str]] = {
    1: ("boss@oddco.dev", 90, "ffffffff"),  # their own, as plain as can be
    2: ("dev.private@mail.example", 80, "ffffffff"),  # theirs: was called dev@oddco.dev in PostHog
    3: ("Sec <SEC@oddco.dev>", 70, "ssssssss"),  # theirs: PostHog has another address for its id
    4: ("multi@two.example", 60, "ssssss"),  # one human: four ids, two addresses
    5: ("mailto:Edge@Rim.example", 7, ""),  # signed up exactly a week ago
    6: ("late@rim.example.", 20, "f"),
    7: ("no@thanks.example", 40, "ssssssss"),  # said no
    8: ("hostile@umbra.example", 30, "fffffff"),
    9: ("burst@rim.example", 15, "s"),
    10: (None, 25, "ssssssss"),  # an account without an address
    11: ("future@rim.example", -2, ""),  # signs up the day after tomorrow
    12: ("TWICE@rim.example", 33, "sss"),  # two accounts of one human
    13: ("twice@rim.example ", 22, "ssss"),
}
OWN = {1, 2, 3}
STEPS = [VIEW, "job_opened"]


def job_times(account: int) -> list[tuple[datetime, str]]:
    return [(ago(0.4 + number), letter) for number, letter in enumerate(ACCOUNTS[account][2])]


def rows() -> dict[str, list[Row]]:
    accounts = [
        {"id": id_, "email": email, "name": HOSTILE if id_ == 8 else f"Account {id_}", "created_at": ago(age)}
        for id_, (email, age, _) in ACCOUNTS.items()
    ]
    jobs = [
        {
            "id": 100 * id_ + number,
            "account_id": id_,
            "status": "succeeded" if letter == "s" else "failed",
            "error": None if letter == "s" else f"{HOSTILE} {number}" if id_ == 8 else "connection reset by peer",
            "created_at": at,
        }
        for id_ in ACCOUNTS
        for number, (at, letter) in enumerate(job_times(id_))
    ]
    return {"accounts": [row | {"role": "user"} for row in accounts], "jobs": jobs}


def named(email: str) -> dict[str, object]:
    return {"$set": {"email": email}}


EVENTS = [
    # their own people: by an earlier address, by an id that is one, by a property `Email`, by the account of an id
    Event("dev", VIEW, ago(30), named("dev@oddco.dev")),
    Event("dev", RAGE, ago(2), named("dev.private@mail.example")),
    Event("ops@oddco.dev", RAGE, ago(2)),
    Event("qa-laptop", RAGE, ago(2), {"$set": {"Email": "QA@OddCo.dev"}}),
    Event("3", RAGE, ago(2), named("sec.home@mail.example")),
    # one human with four ids and two addresses
    Event("anonymous-a", VIEW, ago(9)),
    Event("4", "$identify", ago(8.9), {"$anon_distinct_id": "anonymous-a", **named("multi@one.example")}),
    Event("anonymous-b", VIEW, ago(5)),
    Event("4", "$identify", ago(4.9), {"$anon_distinct_id": "anonymous-b"}),
    Event("4", "$create_alias", ago(4.8), {"alias": "4-old"}),
    Event("4-phone", "job_opened", ago(4.7)),
    Event("4", "$merge_dangerously", ago(4.6), {"alias": "4-phone"}),
    Event("4-old", VIEW, ago(3)),
    Event("4", RAGE, ago(1), named("multi@two.example")),
    # on the edge of seven days, a second inside of it, in the future, and 25 at one moment
    Event("5", RAGE, ago(7), named("edge@rim.example")),
    Event("6", RAGE, ago(7 - 1 / 86400), named("late@rim.example")),
    Event("6", RAGE, ago(-0.25)),
    *(Event("9", VIEW, ago(6), named("burst@rim.example")) for _ in range(25)),
    # they said no
    Event("7", RAGE, ago(1), {"$set": {"email": "no@thanks.example", "$opt_out": True}}),
    # a name, a page, a property and an event that nothing may take for more than text
    Event("8", RAGE, ago(1), {"$pathname": f"/{HOSTILE}", HOSTILE: HOSTILE, **named("hostile@umbra.example")}),
    Event("8", HOSTILE, ago(1.1), {"$pathname": f"/{HOSTILE}", "$browser": HOSTILE}),
]


def company() -> Company:
    def runs(*accounts: int) -> list[Run]:
        ended = {"s": "ok", "f": "failed"}
        return [Run(at, ended[letter]) for account in accounts for at, letter in job_times(account)]

    def acts(*ids: str) -> list[Act]:
        return [Act(event.at, event.name) for event in EVENTS if event.who in ids]

    def human(key: str, accounts: tuple[int, ...], ids: tuple[str, ...], *, internal: bool = False) -> Person:
        signed_up = min((ago(ACCOUNTS[account][1]) for account in accounts), default=None)
        return Person(
            key, len(accounts), signed_up, runs=runs(*accounts), acts=acts(*ids), internal=internal, anonymous=not key
        )

    people = [
        human("boss@oddco.dev", (1,), (), internal=True),
        human("dev.private@mail.example", (2,), ("dev",), internal=True),
        human("ops@oddco.dev", (), ("ops@oddco.dev",), internal=True),
        human("qa@oddco.dev", (), ("qa-laptop",), internal=True),
        human("sec@oddco.dev", (3,), ("3",), internal=True),
        human("multi@two.example", (4,), ("anonymous-a", "anonymous-b", "4", "4-old", "4-phone")),
        human("edge@rim.example", (5,), ("5",)),
        human("late@rim.example", (6,), ("6",)),
        human("no@thanks.example", (7,), ("7",), internal=True),
        human("hostile@umbra.example", (8,), ("8",)),
        human("burst@rim.example", (9,), ("9",)),
        human("", (10,), ()),
        human("twice@rim.example", (12, 13), ()),
    ]
    return Company(NOW, people)


class TestOdd(Walk):
    world = World(
        name="odd",
        schema=SCHEMA,
        rows=rows(),
        events=EVENTS,
        settings="\ninternal: ['%@oddco.dev']\n",
        absent_segments=frozenset({"high_intent"}),
        names={
            "email": ["hostile@umbra.example"],
            "steps": STEPS,
            "segment": ["power"],
            "features": ["--event", "job_opened"],
        },
        unknown=company().unknown(SESSIONS),
        answers=company().answers(funnel={"steps": company().funnel(STEPS)}),
    )

    def test_own_people_are_on_no_page_and_in_no_report(
        self, there: Opened, browser: Callable[[str], httpx.Response]
    ) -> None:
        paths = ("/", "/people", "/segments", "/segments/failing", "/segments/frustrated", "/activity", "/live")
        pages = "".join(browser(path).text for path in paths)
        week = there.run("report", "weekly", "--full", "-f", "markdown").out
        for text in (pages, week):
            assert re.search(r"@(two|rim|umbra)\.example", text)
            assert not re.search(r"(?i)@oddco\.dev|dev\.private|sec\.home|no@thanks", text)

    @pytest.mark.slow
    def test_a_rule_that_matches_nobody_is_told(self, edited: Path, there: Opened) -> None:
        settings = edited / "usertrack.yaml"
        settings.write_text(settings.read_text().replace("'%@oddco.dev'", "'%@oddco.dev', elsewhere.example"))
        out = there.run("check", "--online").out  # of which `doctor` is made
        assert "'elsewhere.example' matches nobody" in out
        assert "'oddco.dev' matches nobody" not in out

    @pytest.mark.parametrize("command", slow_but(["segments"], ["segments", "doctor"]))
    def test_a_note_where_nobody_is_internal(self, edited: Path, there: Opened, command: str) -> None:
        note = "nobody says who your own people are"
        assert note not in there.run(command).err
        settings = edited / "usertrack.yaml"
        settings.write_text(settings.read_text().replace("internal: ['%@oddco.dev']", ""))
        said = there.run(command)
        assert (said.out + said.err).count(note) == 1

    @pytest.fixture
    def edited(self, there: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A copy of the workspace, in which the test is."""
        monkeypatch.chdir(shutil.copytree(there.workspace, tmp_path / "edited"))
        return tmp_path / "edited"

    def test_accounts_that_did_not_exist_yet_are_in_no_segment(self, there: Opened) -> None:
        past = ("--as-of", "2026-10-25")
        document = json.loads(there.run("segments", "--all-members", *past, "-f", "json").out)
        # the others of today signed up later, and burst has run since then
        assert {user["email"] for user in document["users"]} == {"multi@two.example", "twice@rim.example"}
        assert "nobody is known as 'burst@rim.example'" in there.run("explain", "burst@rim.example", *past).err
