"""Failures of a small company written row by row: numbers by hand, on both levels, and who fails together with whom."""

import json
import math
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from usertrack.demo import postgres
from usertrack.failures.bursts import Failed, Stretch, at_least, chance_of, incidents
from usertrack.failures.causes import read_catalogue
from usertrack.failures.days import Day, contrasts, crowded
from usertrack.failures.investigation import Investigation, Unused, account_named, investigate, tools_named
from usertrack.library import Library, shipped_root
from usertrack.run import Runner
from usertrack.settings import load
from usertrack.sources.postgres import Postgres

from .conftest import problem
from .people import NOW, SCHEMA, Company, ago

OOM = "Modal OOM (rc=137): container ta-{:016x} killed"
LIST = "IndexError: list index out of range"
CATALOGUE = read_catalogue([shipped_root() / "failures.yaml"])


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="usertrack-test-") as directory:
        yield Path(directory)


@contextmanager
def asked(dsn: str, as_of: datetime = NOW, timezone: str = "UTC") -> Iterator[Runner]:
    """A runner on this Postgres alone: PostHog is not needed for failures."""

    async def address() -> str:
        return dsn

    env = {"USERTRACK_INTERNAL": "datagen.dev,me@freelance.example", "USERTRACK_TIMEZONE": timezone}
    settings = load(env=env, workspace=Path(__file__).parent)
    with Runner(settings, Library([shipped_root() / "queries"]), as_of, {"neon": Postgres(address)}) as runner:
        yield runner


def write(company: Company, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        for table, rows in company.tables.items():
            names = ", ".join(dict.fromkeys(name for row in rows for name in row))
            taken = f"SELECT {names} FROM json_populate_recordset(NULL::{table}, %s)"
            connection.execute(f"INSERT INTO {table} ({names}) {taken}".encode(), [json.dumps(rows, default=str)])


def company() -> Company:
    """Lena fails at user code on one day and works on others; six people are hit by one outage; staff fails too."""
    made = Company()
    lena = made.account("Lena@Northwind.example")
    for day in (9, 8, 7, 6):
        for _ in range(3):
            made.run(lena, "completed", ago(day))
    for number in range(4):
        made.run(lena, "failed", ago(2, seconds=number), LIST)
    made.run(lena, "running", ago(0.01))
    made.run(lena, "exploded", ago(1))
    made.run(lena, "failed", ago(31), LIST)
    for number in range(6):
        made.tool(lena, ago(3), tool_provider="gmail")
        said = f"Resource /x/{number} not found"
        made.tool(lena, ago(3 + number / 10), "failed", tool_provider="gmail", error_message=said)
    made.tool(lena, ago(3), tool_name="web_search", tool_type="default", tool_provider="datagen")
    made.tool(lena, ago(90), tool_name="old_tool", tool_type="default")
    made.tool(999, ago(3), "failed", error_type="ToolError", error_message="no content")
    for number in range(6):
        hit = made.account(f"hit{number}@acme.example" if number else None)
        for day in (12, 11, 10, 9):
            made.run(hit, "completed", ago(day))
        made.run(hit, "failed", ago(5, seconds=600 * number), OOM.format(number))
    for email in ("ops@DataGen.dev", "qa@ci.datagen.dev", "me@freelance.example"):
        staff = made.account(email)
        made.run(staff, "failed", ago(5), OOM.format(7))
        made.tool(staff, ago(5), "failed", error_message="staff")
    return made


@pytest.fixture(scope="module")
def dsn(place: Path) -> Iterator[str]:
    address = postgres.start(place / "company")
    try:
        write(company(), address)
        yield address
    finally:
        postgres.stop(place / "company")


def investigated(dsn: str, **wanted: Any) -> Investigation:
    with asked(dsn) as runner:
        found = investigate(runner, CATALOGUE, **wanted)
    assert isinstance(found, Investigation)
    return found


def test_the_levels_stand_apart(dsn: str) -> None:
    found = investigated(dsn)
    runs, calls = found.levels["workflow"], found.levels["tool"]
    assert (runs.finished, runs.failed, runs.people, runs.people_failed) == (12 + 4 + 6 * 5, 4 + 6, 7, 7)
    assert (runs.unfinished, runs.unknown) == (2, ("exploded",))
    assert (calls.finished, calls.failed, calls.people, calls.people_failed) == (14, 7, 2, 2)
    assert found.notes == (
        "workflow level: outcomes that usertrack does not know are in no rate: exploded",
        "tool level: 1 of these people are backend users without an account; "
        "where figures are by account, as in `tools_overview`, they are left out",
    )


def test_fingerprints_are_counted_with_their_people(dsn: str) -> None:
    told = [
        (one.level, one.cause.label, one.cause.owner, one.tool, one.failures, len(one.people))
        for one in investigated(dsn).fingerprints
    ]
    assert told == [
        ("tool", "Resource <path> not found", "", "gmail_send", 6, 1),
        ("workflow", "Modal OOM (rc=137)", "Platform", "", 6, 6),
        ("workflow", LIST, "User", "", 4, 1),
        ("tool", "ToolError: no content", "", "gmail_send", 1, 1),
    ]


def test_first_last_and_the_latest_sample(dsn: str) -> None:
    oom = investigated(dsn).at("workflow")[0]
    assert (oom.first_at, oom.last_at) == (ago(5, seconds=3000), ago(5))
    assert oom.sample == "Modal OOM (rc=137): container <id> killed"


def test_the_kinds_of_tools(dsn: str) -> None:
    rows = investigated(dsn).kinds.dicts()
    assert [(row["kind"], row["calls"], row["failed"], row["users"]) for row in rows] == [
        ("mcp", 13, 7, 1),
        ("default", 1, 0, 1),
    ]
    assert [round(row["share"], 4) for row in rows] == [0.9286, 0.0714]
    assert [round(row["success_rate"], 4) for row in rows] == [0.4615, 1.0]


def test_one_person(dsn: str) -> None:
    with asked(dsn) as runner:
        person = account_named(runner, " LENA@northwind.example")
    assert person == ["lena@northwind.example"]
    found = investigated(dsn, person=person)
    assert (found.levels["workflow"].failed, found.levels["tool"].failed) == (4, 6)
    assert {day.day.isoformat(): (day.finished, day.failed) for _, day in found.by_day} == {
        **dict.fromkeys(("2026-11-11", "2026-11-12", "2026-11-13", "2026-11-14"), (3, 0)),
        "2026-11-18": (4, 4),
    }
    assert [(one.person, one.clean, one.clean_runs, one.worst.failed) for one in found.contrasts] == [
        (person[0], 4, 12, 4)
    ]


def test_days_are_those_of_the_timezone(dsn: str) -> None:
    with asked(dsn, timezone="Pacific/Kiritimati") as runner:  # 14 hours ahead
        *_, last = runner.one(runner.bind("neon/failure_days", {"person": ["lena@northwind.example"]})).rows
    assert last[1:] == (date(2026, 11, 18), 4, 4)
    with asked(dsn, timezone="Pacific/Pago_Pago") as runner:  # 11 hours behind
        *_, last = runner.one(runner.bind("neon/failure_days", {"person": ["lena@northwind.example"]})).rows
    assert last[1:] == (date(2026, 11, 17), 4, 4)


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("lena@nortwind.example", "did you mean lena@northwind.example?"),
        ("ops@datagen.dev", "it is one of your own people (`internal` in usertrack.yaml), and those are left out"),
    ],
)
def test_nobody_of_that_name(dsn: str, wanted: str, hint: str) -> None:
    with asked(dsn) as runner:
        found = problem(lambda: account_named(runner, wanted))
    assert (found.message, found.hint, found.exit_code) == (f"nobody is known as '{wanted}'", hint, 2)


def test_a_tool_that_they_do_not_use_ends_it(dsn: str) -> None:
    with asked(dsn) as runner:
        found = investigate(runner, CATALOGUE, person=["hit1@acme.example"], tool="GMAIL")
        assert isinstance(found, Unused)
        assert found.tools == {}
        assert isinstance(
            investigate(runner, CATALOGUE, person=["lena@northwind.example"], tool="GMAIL"), Investigation
        )


def test_a_tool_used_long_ago_is_used(dsn: str) -> None:
    found = investigated(dsn, person=["lena@northwind.example"], tool="old_tool")
    assert (found.tools, found.levels["tool"].finished, found.levels["workflow"].failed) == (("old_tool",), 0, 4)


def test_a_tool_that_nobody_has_is_a_mistake(dsn: str) -> None:
    with asked(dsn) as runner:
        for person in ([], ["lena@northwind.example"]):
            found = problem(lambda: investigate(runner, CATALOGUE, person=person, tool="gmail_sent"))  # noqa: B023
            assert (found.message, found.exit_code) == ("nobody ever called a tool named 'gmail_sent'", 2)
            assert found.hint.startswith("did you mean 'gmail_send'?")


def test_tools_by_name_or_plain_part() -> None:
    known = ["gmail_send", "gmailXsend", "gmail_send_all", "100%"]
    assert tools_named(known, "gmail_send") == ["gmail_send"]
    assert tools_named(known, "MAIL_") == ["gmail_send", "gmail_send_all"]
    assert tools_named(known, "%") == ["100%"]
    assert tools_named(known, "gmail%") == []
    assert tools_named(known, " ") == []


def test_the_outage_is_an_incident_of_everybody(dsn: str) -> None:
    (one,) = investigated(dsn).incidents
    assert (one.level, one.cause, one.failed, one.all_failed) == ("workflow", "Modal OOM (rc=137)", 6, 6)
    assert (one.start, one.end) == (datetime(2026, 11, 15, 8), datetime(2026, 11, 15, 10))
    assert one.people == ("account 2", *(f"hit{number}@acme.example" for number in range(1, 6)))
    assert one.chance < 0.01
    assert investigated(dsn, person=["lena@northwind.example"]).incidents == (one,)


def test_those_hit_with_clean_days_are_likely_not_at_fault(dsn: str) -> None:
    told = {one.person: (one.clean, one.struck, one.failed) for one in investigated(dsn).contrasts}
    assert told.pop("lena@northwind.example") == (4, 0, 4)
    assert told == dict.fromkeys(("account 2", *(f"hit{number}@acme.example" for number in range(1, 6))), (4, 1, 1))


def test_stretches_by_hand(dsn: str) -> None:
    """46 runs finished, 10 failed; 4 completed runs of each person lie more than a day away from the failed one."""
    with asked(dsn) as runner:
        rows = {row[:3]: row[3:] for row in runner.one(runner.bind("neon/failure_windows")).rows}
    expected = 6 * (2 * 10 / 46) / (4 + 2)
    assert rows["workflow", datetime(2026, 11, 15, 8), 2] == (6, 6, pytest.approx(expected), 6, 6)
    assert ("workflow", datetime(2026, 11, 15, 9), 1) not in rows  # one person
    assert rows["workflow", datetime(2026, 11, 15, 8), 1][:2] == (5, 5)
    assert rows["workflow", datetime(2026, 11, 8, 9), 24][:2] == (6, 0)
    assert not [row for row in rows if row[0] == "tool"]


def test_who_fails_twice_in_a_stretch_counts_once(place: Path) -> None:
    made = Company()
    for number in range(5):
        user = made.account(f"p{number}@acme.example")
        for seconds in (0, 60, 3600, 7200):
            made.run(user, "failed", ago(3, seconds=seconds), LIST)
    address = postgres.start(place / "twice")
    try:
        write(made, address)
        with asked(address) as runner:
            rows = list(runner.one(runner.bind("neon/failure_windows")).rows)
    finally:
        postgres.stop(place / "twice")
    # runs at 9:00, 8:59, 8:00 and 7:00
    counts = {(row[1].hour, row[2]): row[3:5] for row in rows if row[1].date() == date(2026, 11, 17)}
    assert counts[7, 1] == counts[7, 2] == counts[7, 3] == (5, 5)
    assert {row[6] for row in rows if row[2] == 24 and row[1] == datetime(2026, 11, 17)} == {20}


def test_the_tail_of_a_binomial() -> None:
    assert at_least(3, 3, 0.5) == pytest.approx(0.125)
    assert at_least(5, 6, 0.2) == pytest.approx(6 * 0.2**5 * 0.8 + 0.2**6)
    assert at_least(900, 1000, 0.5) == pytest.approx(sum(math.comb(1000, k) for k in range(900, 1001)) / 2**1000)
    assert (at_least(1, 10, 0.1), at_least(5, 5, 1), at_least(5, 9, 0)) == (1, 1, 0)


def test_a_crowded_day() -> None:
    assert crowded(Day(date(2026, 1, 1), 3, 3), 10, 3) == pytest.approx(1 / 120)
    assert crowded(Day(date(2026, 1, 1), 3, 1), 10, 3) == pytest.approx(1 - 35 / 120)
    assert contrasts([("a", Day(date(2026, 1, 1), 5, 5)), ("a", Day(date(2026, 1, 2), 5, 5))], {}) == []


def burst(people: int, causes: int = 1, hour: int = 13) -> tuple[list[Stretch], list[Failed]]:
    start = datetime(2026, 11, 9) + timedelta(hours=hour)
    stretches = [Stretch("workflow", start, 1, people, people, 0.1 * people), Stretch("workflow", start, 4, 50, 6, 5)]
    failures = [
        Failed("workflow", start + timedelta(minutes=number), f"p{number}", f"cause {number % causes}")
        for number in range(people)
    ]
    return stretches, failures


def test_an_incident_needs_people_and_one_cause() -> None:
    assert len(incidents(*burst(8))) == 1
    assert incidents(*burst(4)) == []
    assert incidents(*burst(8, causes=4)) == []
    stretches, failures = burst(8)
    assert incidents(stretches, [Failed(one.level, one.at, "one", one.cause) for one in failures]) == []


def test_neighbours_of_one_cause_are_one_incident() -> None:
    first, second = burst(8), burst(8, hour=14)
    (one,) = incidents(first[0] + second[0], first[1] + second[1])
    assert (one.start, one.end, one.failed) == (datetime(2026, 11, 9, 13), datetime(2026, 11, 9, 15), 16)
    later = burst(8, hour=38)
    assert len(incidents(first[0] + later[0], first[1] + later[1])) == 2


WORLDS = 8


@pytest.fixture(scope="module")
def quiet_worlds(place: Path) -> Iterator[str]:
    """Months far apart, in each of which 250 people run 20 times, busiest by day; one in ten fails nearly always."""
    luck = random.Random(3)
    made = Company()
    for world in range(WORLDS):
        for number in range(250):
            user = made.account(f"p{number}@world{world}.example", signed_up=datetime(2020, 1, 1))
            share = 0.8 if number % 10 == 0 else luck.choice([0.02, 0.1, 0.2])
            for _ in range(luck.randint(1, 39)):
                hour = min(23, max(0, luck.gauss(13, 4)))
                at = ago(100 * world + luck.randint(1, 29)) - timedelta(hours=9) + timedelta(hours=hour)
                made.run(user, "failed" if luck.random() < share else "completed", at, LIST)
    address = postgres.start(place / "quiet")
    try:
        write(made, address)
        yield address
    finally:
        postgres.stop(place / "quiet")


def test_false_alarms_are_as_rare_as_stated(quiet_worlds: str) -> None:
    """Everybody's failures say the same here, so nothing but the test itself stands against an alarm."""
    apart: list[float] = []
    for world in range(WORLDS):
        with asked(quiet_worlds, as_of=NOW - timedelta(days=100 * world)) as runner:
            found = investigate(runner, CATALOGUE)
            assert isinstance(found, Investigation)
            assert found.incidents == ()
            stretches = [Stretch(*row) for row in runner.one(runner.bind("neon/failure_windows")).rows]
        apart += [chance_of(one) for one in stretches if one.hours == 4 and one.start.hour % 4 == 0]
    assert len(apart) > 800
    for level in (0.1, 0.05, 0.01):
        assert sum(chance <= level for chance in apart) / len(apart) <= level, level


def test_a_small_outage_in_such_a_world_is_found(quiet_worlds: str) -> None:
    with psycopg.connect(quiet_worlds) as connection:
        hit = "SELECT min(id) FROM fastapi_run WHERE created_at >= %s AND created_at < %s GROUP BY user_id"
        span = [datetime(2026, 11, 12, 12), datetime(2026, 11, 12, 14)]
        connection.execute(
            f"UPDATE fastapi_run SET run_state = 'failed', run_error_log = %s WHERE id IN ({hit})".encode(),
            ["rc=1", *span],
        )
    (one,) = investigated(quiet_worlds).incidents
    assert (one.start, one.end, one.cause) == (*span, "Container killed (rc=1)")
