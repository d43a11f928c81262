"""Profiles that are joined on something else than the e-mail."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from usertrack.library.library import Library, shipped_root
from usertrack.segments.explain import explain
from usertrack.segments.profiles import Profiles, build_profiles
from usertrack.segments.rules import Rules, read_rules

from ..conftest import problem
from ..people import OWN_PEOPLE, Company, Office, ago, office

ANN, BOB = "5F0C1d2e", "u-2"  # letters count as they are written
SCHEMA = """
CREATE TABLE users (id text, email text, credits float8, born timestamp);
CREATE TABLE jobs (id int, owner text, at timestamp, state text)
"""
ACCOUNTS = """\
-- title: Users
SELECT u.id AS account_id{email}, u.born AS signed_up_at, u.credits FROM users AS u
"""
RUNS = """\
-- title: Jobs
-- states: {ok: [done], failed: [failed]}
SELECT j.owner AS account_id, j.at, j.state AS status FROM jobs AS j
"""
UNUSED_KINDS = ("calls", "code_runs", "deployments", "agent_runs")


class Product(Company):
    """Accounts with text ids, which PostHog has as distinct_ids."""

    def user(self, id_: str | None, email: str | None = None, *, failed: int = 0) -> None:
        self.tables["users"].append({"id": id_, "email": email, "credits": 10, "born": ago(30)})
        for number in range(failed):
            self.tables["jobs"].append({"id": number, "owner": id_, "at": ago(2), "state": "failed"})

    def known(self, *ids: str, anonymous: str = "", **properties: object) -> str:
        """An identified person of PostHog with these distinct_ids; returns its id."""
        person = self.person(None)
        self.persons[-1] |= {"is_identified": True, "properties": properties}
        del self.distinct_ids[person]
        self.distinct_ids |= dict.fromkeys([*ids, *filter(None, [anonymous])], person)
        if anonymous:
            self.sent(ids[0], "$identify", ago(20), **{"p_$anon_distinct_id": anonymous})
        return person

    def sent(self, distinct_id: str, event: str, at: object, **properties: object) -> None:
        self.event(self.distinct_ids[distinct_id], event, at, **properties)  # type: ignore[arg-type]
        self.events[-1]["distinct_id"] = distinct_id


@contextmanager
def product(folder: Path, rows: Product, *, email: bool = True) -> Iterator[Office]:
    (folder / "tables/neon").mkdir(parents=True)
    (folder / "tables/neon/accounts.sql").write_text(ACCOUNTS.format(email=", u.email" if email else ""))
    (folder / "tables/neon/runs.sql").write_text(RUNS)
    with office(folder, rows, SCHEMA) as company:
        company.library = Library([shipped_root() / "queries"], [folder / "tables"], UNUSED_KINDS, key="account_id")
        yield company


def rules(library: Library) -> Rules:
    from usertrack.segments.applicable import applicable

    return applicable(replace(read_rules(shipped_root() / "segments.yaml"), key="account_id"), library)


@contextmanager
def profiles(company: Office, only: str | None = None, **options: Any) -> Iterator[Profiles]:
    with company.runner(**options) as runner:
        yield build_profiles(runner, rules(company.library), only=only)


def facts(profiles: Profiles, *names: str) -> dict[str, tuple[object, ...]]:
    rows = profiles.connection.execute(f"SELECT account_id, {', '.join(names)} FROM profile ORDER BY 1").fetchall()
    return {row[0]: row[1:] for row in rows}


def test_both_sources_meet_on_the_id_of_the_account(tmp_path: Path) -> None:
    rows = Product()
    rows.user(ANN, "ann@x.example", failed=7)
    rows.user(ANN.lower())
    rows.user(BOB)
    rows.user(None)
    rows.user("u-3", "boss@datagen.dev", failed=9)
    rows.known(ANN, anonymous="0190-anonymous")
    rows.sent("0190-anonymous", "$rageclick", ago(3))
    rows.sent(ANN, "$rageclick", ago(2))
    rows.known("u-9")
    rows.sent("u-9", "$pageview", ago(1))
    rows.event(rows.person(None), "$rageclick", ago(1))
    with product(tmp_path, rows) as company, profiles(company) as known:
        assert known.notes == []
        assert facts(known, "email", "runs_failed", "rage_clicks") == {
            ANN: ("ann@x.example", 7, 2),
            ANN.lower(): (None, 0, 0),
            BOB: (None, 0, 0),
            "u-9": (None, 0, 0),
        }
        match = known.match
        assert (match.matched, match.posthog_only, match.postgres_only) == (1, 1, 2)
        assert (match.anonymous, match.without_email, match.ambiguous) == (1, 1, 0)
        failing = explain(known, known.rules.sets["action"], ANN).members
        assert [segment.id for segment in failing] == ["failing", "frustrated", "power"]


def test_two_accounts_and_two_ids_of_one_person_are_told(tmp_path: Path) -> None:
    rows = Product()
    rows.user("u-1")
    rows.user("u-1")
    rows.user(BOB)
    rows.known(BOB, "u-3")
    rows.sent("u-3", "$rageclick", ago(1))
    with product(tmp_path, rows, email=False) as company, profiles(company) as known:
        assert [note.split(":")[0] for note in known.notes] == ["1 account id is there more than once"]
        assert facts(known, "rage_clicks") == {"u-1": (0,), BOB: (0,), "u-3": (1,)}
        assert known.match.ambiguous == 3


@pytest.mark.parametrize("internal", [(OWN_PEOPLE,), ()])
def test_who_opted_out_is_left_out_by_id(tmp_path: Path, internal: tuple[str, ...]) -> None:
    rows = Product()
    rows.user(ANN, failed=7)
    rows.user(BOB, failed=7)
    rows.known(ANN, email="ann@x.example", **{"$opt_out": True})
    rows.known(BOB, email="bob@x.example")
    rows.person(None)
    rows.sent(BOB, "$pageview", ago(1))
    with product(tmp_path, rows, email=False) as company, profiles(company, internal=internal) as known:
        assert known.notes == ["1 person has opted out, and is left out"]
        assert list(facts(known, "runs_failed")) == [BOB]


def test_one_person_alone(tmp_path: Path) -> None:
    rows = Product()
    rows.user(ANN, failed=7)
    rows.user(ANN.lower())
    rows.known(BOB)
    with product(tmp_path, rows, email=False) as company, profiles(company, only=ANN) as known:
        assert facts(known, "runs_failed") == {ANN: (7,)}


def test_without_an_email_nobody_is_joined_on_it(tmp_path: Path) -> None:
    (tmp_path / "neon").mkdir()
    (tmp_path / "neon/accounts.sql").write_text(ACCOUNTS.format(email=""))
    library = Library([shipped_root() / "queries"], [tmp_path])
    assert "'accounts' has no column 'email'" in problem(lambda: library["neon/accounts"]).message
