"""Failures of a small company written row by row: numbers by hand, on both levels, and who fails together with whom."""

import json
import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import problem
from tests.databases import database
from tests.failures import failure_worlds as worlds
from tests.failures.failure_worlds import Run
from tests.people import NOW, SCHEMA, Company, ago
from usertrack.engine.runner import Runner
from usertrack.failures.bursts import Failure, Incident, Stretch, at_least, drawn_at_least, incidents
from usertrack.failures.days import RunDay, contrasts, crowding_chance
from usertrack.failures.investigation import Investigation, Unused, investigate, spellings_of_account, tools_named
from usertrack.library.library import Library, shipped_root
from usertrack.sources.postgres import Postgres
from usertrack.workspace.settings import load_settings

OOM = "Modal OOM (rc=137): container ta-{:016x} killed"
LIST = "IndexError: list index out of range"


@contextmanager
def failures_runner(dsn: str, as_of: datetime = NOW, timezone: str = "UTC") -> Iterator[Runner]:
    """A runner on this Postgres alone: PostHog is not needed for failures."""

    async def address() -> str:
        return dsn

    env = {"USERTRACK_INTERNAL": "datagen.dev,me@freelance.example", "USERTRACK_TIMEZONE": timezone}
    settings = load_settings(env=env, workspace=Path(__file__).parent)
    with Runner(settings, Library([shipped_root() / "queries"]), as_of, {"neon": Postgres(address)}) as runner:
        yield runner


def write(company: Company, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        for table, rows in company.tables.items():
            names = ", ".join(dict.fromkeys(name for row in rows for name in row))
            values = f"SELECT {names} FROM json_populate_recordset(NULL::{table}, %s)"
            connection.execute(f"INSERT INTO {table} ({names}) {values}".encode(), [json.dumps(rows, default=str)])


def company() -> Company:
    """Lena fails at user code on one day and works on others; six people are hit by one outage; staff fails too."""
    acme = Company()
    lena = acme.account("Lena@Northwind.example")
    for day in (9, 8, 7, 6):
        for _ in range(3):
            acme.run(lena, "completed", ago(day))
    for number in range(4):
        acme.run(lena, "failed", ago(2, seconds=number), LIST)
    acme.run(lena, "running", ago(0.01))
    acme.run(lena, "exploded", ago(1))
    acme.run(lena, "failed", ago(31), LIST)
    for number in range(6):
        acme.tool(lena, ago(3), tool_provider="gmail")
        message = f"Resource /x/{number} not found"
        acme.tool(lena, ago(3 + number / 10), "failed", tool_provider="gmail", error_message=message)
    acme.tool(lena, ago(3), tool_name="web_search", tool_type="default", tool_provider="datagen")
    acme.tool(lena, ago(90), tool_name="old_tool", tool_type="default")
    acme.tool(999, ago(3), "failed", error_type="ToolError", error_message="no content")
    for number in range(6):
        hit = acme.account(f"hit{number}@acme.example" if number else None)
        for day in (*[70] * 40, 12, 11, 10, 9):
            acme.run(hit, "completed", ago(day))
        acme.run(hit, "failed", ago(5, seconds=600 * number), OOM.format(number))
    for email in ("ops@DataGen.dev", "qa@ci.datagen.dev", "me@freelance.example"):
        staff = acme.account(email)
        acme.run(staff, "failed", ago(5), OOM.format(7))
        acme.tool(staff, ago(5), "failed", error_message="staff")
    return acme


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with database() as address:
        write(company(), address)
        yield address


def investigated(dsn: str, **options: Any) -> Investigation:
    with failures_runner(dsn) as runner:
        investigation = investigate(runner, **options)
    assert isinstance(investigation, Investigation)
    return investigation


def test_the_levels_stand_apart(dsn: str) -> None:
    investigation = investigated(dsn)
    runs, calls = investigation.levels["workflow"], investigation.levels["tool"]
    assert (runs.finished, runs.failed, runs.people, runs.people_failed) == (12 + 4 + 6 * 5, 4 + 6, 7, 7)
    assert (runs.unfinished, runs.unknown) == (2, ("exploded",))
    assert (calls.finished, calls.failed, calls.people, calls.people_failed) == (14, 7, 2, 2)
    assert investigation.notes == (
        "workflow level: outcomes that usertrack does not know are in no rate: exploded",
        "tool level: of these people 1 have no account, or one that was deleted; "
        "where figures are by account, they are left out",
    )


def test_fingerprints_are_counted_with_their_people(dsn: str) -> None:
    fingerprints = [
        (
            fingerprint.level,
            fingerprint.cause.label,
            fingerprint.cause.owner,
            fingerprint.tool,
            fingerprint.failures,
            len(fingerprint.people),
        )
        for fingerprint in investigated(dsn).fingerprints
    ]
    assert fingerprints == [
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
    with failures_runner(dsn) as runner:
        person = spellings_of_account(runner, " LENA@northwind.example")
    assert person == ["lena@northwind.example"]
    investigation = investigated(dsn, person=person)
    assert (investigation.levels["workflow"].failed, investigation.levels["tool"].failed) == (4, 6)
    assert {day.day.isoformat(): (day.finished, day.failed) for _, day in investigation.by_day} == {
        **dict.fromkeys(("2026-11-11", "2026-11-12", "2026-11-13", "2026-11-14"), (3, 0)),
        "2026-11-18": (4, 4),
    }
    assert [
        (contrast.person, contrast.clean, contrast.clean_runs, contrast.worst.failed)
        for contrast in investigation.contrasts
    ] == [(person[0], 4, 12, 4)]


def test_days_are_those_of_the_timezone(dsn: str) -> None:
    with failures_runner(dsn, timezone="Pacific/Kiritimati") as runner:  # 14 hours ahead
        *_, last = runner.table(runner.bind("neon/failure_days", {"person": ["lena@northwind.example"]})).rows
    assert last[1:] == (date(2026, 11, 18), 4, 4)
    with failures_runner(dsn, timezone="Pacific/Pago_Pago") as runner:  # 11 hours behind
        *_, last = runner.table(runner.bind("neon/failure_days", {"person": ["lena@northwind.example"]})).rows
    assert last[1:] == (date(2026, 11, 17), 4, 4)


@pytest.mark.parametrize(
    ("email", "hint"),
    [
        ("lena@nortwind.example", "did you mean lena@northwind.example?"),
        ("ops@datagen.dev", "it is one of your own people (`internal` in usertrack.yaml), and those are left out"),
    ],
)
def test_nobody_of_that_name(dsn: str, email: str, hint: str) -> None:
    with failures_runner(dsn) as runner:
        error = problem(lambda: spellings_of_account(runner, email))
    assert (error.message, error.hint, error.exit_code) == (f"nobody is known as '{email}'", hint, 2)


def test_a_tool_that_they_do_not_use_ends_it(dsn: str) -> None:
    with failures_runner(dsn) as runner:
        investigation = investigate(runner, person=["hit1@acme.example"], tool="GMAIL")
        assert isinstance(investigation, Unused)
        assert investigation.tools == {}
        assert isinstance(investigate(runner, person=["lena@northwind.example"], tool="GMAIL"), Investigation)


def test_a_tool_used_long_ago_is_used(dsn: str) -> None:
    investigation = investigated(dsn, person=["lena@northwind.example"], tool="old_tool")
    assert (investigation.tools, investigation.levels["tool"].finished, investigation.levels["workflow"].failed) == (
        ("old_tool",),
        0,
        4,
    )


def test_a_tool_that_nobody_has_is_a_mistake(dsn: str) -> None:
    with failures_runner(dsn) as runner:
        for person in ([], ["lena@northwind.example"]):
            error = problem(lambda: investigate(runner, person=person, tool="gmail_sent"))  # noqa: B023
            assert (error.message, error.exit_code) == ("nobody ever called a tool named 'gmail_sent'", 2)
            assert error.hint.startswith("did you mean 'gmail_send'?")


def test_tools_by_name_or_plain_part() -> None:
    known = ["gmail_send", "gmailXsend", "gmail_send_all", "100%"]
    assert tools_named(known, "gmail_send") == ["gmail_send"]
    assert tools_named(known, "MAIL_") == ["gmail_send", "gmail_send_all"]
    assert tools_named(known, "%") == ["100%"]
    assert tools_named(known, "gmail%") == []
    assert tools_named(known, " ") == []


def test_the_outage_is_an_incident_of_everybody(dsn: str) -> None:
    (incident,) = investigated(dsn).incidents
    assert (incident.level, incident.cause, incident.failed, incident.all_failed) == (
        "workflow",
        "Modal OOM (rc=137)",
        6,
        6,
    )
    assert (incident.start, incident.end) == (datetime(2026, 11, 15, 8), datetime(2026, 11, 15, 10))
    assert incident.people == ("account 2", *(f"hit{number}@acme.example" for number in range(1, 6)))
    assert incident.chance < 0.01
    assert (incident.full_stretch.key, incident.full_stretch.people, incident.full_stretch.people_failed) == (
        incident.key,
        6,
        6,
    )
    assert investigated(dsn, person=["lena@northwind.example"]).incidents == (incident,)


def test_those_hit_with_clean_days_are_likely_not_at_fault(dsn: str) -> None:
    by_person = {
        contrast.person: (contrast.clean, contrast.in_incidents, contrast.failed)
        for contrast in investigated(dsn).contrasts
    }
    assert by_person.pop("lena@northwind.example") == (4, 0, 4)
    assert by_person == dict.fromkeys(
        ("account 2", *(f"hit{number}@acme.example" for number in range(1, 6))), (4, 1, 1)
    )


def test_stretches_by_hand(dsn: str) -> None:
    """Six people have 44 runs behind them, 4 of them within eight weeks and more than a day away; one of 5 failed."""
    with failures_runner(dsn) as runner:
        rows = {row[:3]: row[3:] for row in runner.table(runner.bind("neon/failure_windows")).rows}
    expected = 6 * (2 * 6 / 30) / (4 + 2)
    assert rows["workflow", datetime(2026, 11, 15, 8), 2] == (6, 6, pytest.approx(expected), 6, 6, True)
    assert rows["workflow", datetime(2026, 11, 15, 9), 1][:2] == (1, 1)
    assert rows["workflow", datetime(2026, 10, 20, 9), 1][-1] is False  # before the window: to compare with
    assert rows["workflow", datetime(2026, 11, 15, 8), 1][:2] == (5, 5)
    assert rows["workflow", datetime(2026, 11, 8, 9), 24][:2] == (6, 0)


def test_first_things_are_expected_to_fail_as_first_things_do() -> None:
    """Everybody's first run fails and no other: the tenth person's is expected to, their second is not."""
    acme = Company()
    for number in range(10):
        user = acme.account(f"p{number}@acme.example")
        acme.run(user, "failed", ago(20 - number), LIST)
        acme.run(user, "completed", ago(18 - number))
    with database() as address:
        write(acme, address)
        with failures_runner(address) as runner:
            rows = {
                row[1:3]: row[5] for row in runner.table(runner.bind("neon/failure_windows", {"lengths": ["1"]})).rows
            }
    first, second = (datetime(2026, 11, day, 9) for day in (2, 11))
    assert (rows[first, 1], rows[second, 1]) == (pytest.approx(1, abs=1e-3), 0)


def test_who_fails_twice_in_a_stretch_counts_once() -> None:
    acme = Company()
    for number in range(5):
        user = acme.account(f"p{number}@acme.example")
        for seconds in (0, 60, 3600, 7200):
            acme.run(user, "failed", ago(3, seconds=seconds), LIST)
    with database() as address:
        write(acme, address)
        with failures_runner(address) as runner:
            rows = list(runner.table(runner.bind("neon/failure_windows")).rows)
    # runs at 9:00, 8:59, 8:00 and 7:00
    counts = {(row[1].hour, row[2]): row[3:5] for row in rows if row[1].date() == date(2026, 11, 17)}
    assert counts[7, 1] == counts[7, 2] == counts[7, 3] == (5, 5)
    assert {row[6] for row in rows if row[2] == 24 and row[1] == datetime(2026, 11, 17)} == {20}


def test_the_tail_of_a_binomial() -> None:
    assert at_least(3, 3, 0.5) == pytest.approx(0.125)
    assert at_least(5, 6, 0.2) == pytest.approx(6 * 0.2**5 * 0.8 + 0.2**6)
    assert at_least(900, 1000, 0.5) == pytest.approx(sum(math.comb(1000, k) for k in range(900, 1001)) / 2**1000)
    assert (at_least(1, 10, 0.1), at_least(5, 5, 1), at_least(5, 9, 0)) == (1, 1, 0)


def test_fishers_tail() -> None:
    assert drawn_at_least(3, 4, 4, 4, 1) == pytest.approx((16 + 1) / 70)
    assert drawn_at_least(1, 1, 1, 1, 3) == pytest.approx(3 / 4)
    assert drawn_at_least(2, 3, 1, 3, 1) == 1


def test_a_crowded_day() -> None:
    assert crowding_chance(RunDay(date(2026, 1, 1), 3, 3), 10, 3) == pytest.approx(1 / 120)
    assert crowding_chance(RunDay(date(2026, 1, 1), 3, 1), 10, 3) == pytest.approx(1 - 35 / 120)
    assert contrasts([("a", RunDay(date(2026, 1, 1), 5, 5)), ("a", RunDay(date(2026, 1, 2), 5, 5))], {}) == []


def burst(people: int, causes: int = 1, hour: int = 13) -> tuple[list[Stretch], list[Failure]]:
    start = datetime(2026, 11, 9) + timedelta(hours=hour)
    stretches = [Stretch("workflow", start, 1, people, people, 0.1 * people), Stretch("workflow", start, 4, 50, 6, 5)]
    stretches += [Stretch("workflow", start - timedelta(days=day), 1, 20, 2, 2, tested=False) for day in range(2, 30)]
    failures = [
        Failure("workflow", start + timedelta(minutes=number), f"p{number}", f"cause {number % causes}")
        for number in range(people)
    ]
    return stretches, failures


def test_an_incident_needs_people_and_one_cause() -> None:
    assert len(incidents(*burst(8))) == 1
    assert incidents(*burst(4)) == []
    assert incidents(*burst(8, causes=4)) == []
    stretches, failures = burst(8)
    assert (
        incidents(stretches, [Failure(failure.level, failure.at, "one", failure.cause) for failure in failures]) == []
    )


def test_neighbours_of_one_cause_are_one_incident() -> None:
    first, second = burst(8), burst(8, hour=14)
    (incident,) = incidents(first[0] + second[0], first[1] + second[1])
    assert (incident.start, incident.end, incident.failed) == (datetime(2026, 11, 9, 13), datetime(2026, 11, 9, 15), 16)
    later = burst(8, hour=38)
    assert len(incidents(first[0] + later[0], first[1] + later[1])) == 2


def test_what_recurs_is_no_incident() -> None:
    (hit, _, *quiet), failures = burst(8)
    for alike, often in ((timedelta(days=1), 29), (timedelta(days=7), 4)):
        repeats = [replace(hit, start=hit.start - number * alike, tested=False) for number in range(1, often)]
        rest = [stretch for stretch in quiet if stretch.start not in {other.start for other in repeats}]
        assert len(incidents([hit, *quiet], failures)) == 1
        assert incidents([hit, *repeats, *rest], failures) == []


def test_a_day_that_has_only_begun_is_not_compared_with_whole_days(dsn: str) -> None:
    with failures_runner(dsn) as runner:
        rows = runner.table(runner.bind("neon/failure_windows", {"lengths": ["12"]})).rows
        last = max(row[1] for row in rows if row[-1])
    assert last <= NOW.replace(tzinfo=None) - timedelta(hours=11)


@pytest.fixture(scope="module")
def world() -> Iterator[str]:
    """Postgres with the product's tables, for one month of a company at a time."""
    with database() as address:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
        yield address


def seen(dsn: str, runs: list[Run]) -> list[Incident]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("TRUNCATE wasp_user, fastapi_user, fastapi_run")
        worlds.write(connection, runs)
    with failures_runner(dsn) as runner:
        return worlds.alarms(runner, runs)


@pytest.mark.parametrize("kind", worlds.KINDS)
def test_people_who_fail_for_reasons_of_their_own_are_no_incident(world: str, kind: str) -> None:
    """One month of each kind; `benchmarks/failure_worlds.py` has many, in which at most 1 % may raise an alarm."""
    law = replace(worlds.KINDS[kind], people=200)
    assert seen(world, worlds.quiet(law, random.Random(kind))) == []


@pytest.mark.parametrize("kind", ["several rates", "nights", "Mondays"])
def test_an_outage_of_an_hour_is_seen_in_such_a_month(world: str, kind: str) -> None:
    luck, start = random.Random(kind), datetime(2026, 11, 12, 12)
    runs = worlds.outage(worlds.quiet(worlds.KINDS[kind], luck), start, 1, luck, share=1.0)
    (incident,) = seen(world, runs)
    assert (incident.start, incident.end, incident.failed) == (start, start + timedelta(hours=1), incident.all_failed)
