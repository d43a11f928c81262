"""Every flip that an explanation states is made true and judged again."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from usertrack.explain import Flip, Verdict, explain
from usertrack.report.explain import explain_document
from usertrack.segments import classify
from usertrack.settings import load
from usertrack.spool import identifier
from usertrack.workbench import Workbench

from .conftest import AS_OF, problem
from .people import Company, Office, ago, office

PEOPLE = 8


@pytest.fixture(scope="module")
def demo_bench(demo_cache: Any, demo_postgres: str) -> Workbench:
    """Everybody's profile in the demo, landed once."""
    from usertrack.library import Library, shipped_root
    from usertrack.opening import open_runner
    from usertrack.rules import read_rules
    from usertrack.workbench import build

    with pytest.MonkeyPatch.context() as env:
        env.setenv("XDG_CACHE_HOME", str(demo_cache))
        settings = load(env={}, demo=True)
        library = Library([shipped_root() / "queries"])
        with open_runner(settings, library, now=AS_OF, notify=lambda message, *, passing=False: None) as runner:
            bench = build(runner, read_rules(shipped_root() / "segments.yaml"))
    return bench  # it stands on its own: the engines are closed


class Worlds:
    """People with one fact changed, all classified at once."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.wanted: list[tuple[str, bool, object]] = []
        bench.connection.execute("CREATE OR REPLACE TABLE worlds AS SELECT * FROM base LIMIT 0")

    def add(self, verdict: Verdict, email: str, flip: Flip, to: Any, *, flipped: bool) -> None:
        """Expect that the verdict is ``flipped`` where the fact is ``to``, or that it is not."""
        self.bench.connection.execute(
            f"INSERT INTO worlds SELECT * REPLACE ($1 AS {identifier(flip.fact.name)}, '{len(self.wanted)}' AS email) "
            "FROM base WHERE email = $2",
            [to, email],
        )
        self.wanted.append((verdict.segment.id, bool(verdict.member) is not flipped, (email, flip, to)))

    def check(self, set_name: str) -> int:
        """Everybody's membership is as expected; returns how many were tried."""
        bench = self.bench
        derived = ", ".join(f"({fact.sql}) AS {identifier(fact.name)}" for fact in bench.rules.derived)
        bench.connection.execute("ALTER TABLE profile RENAME TO everybody")
        try:
            bench.connection.execute(f"CREATE TABLE profile AS SELECT *, {derived} FROM worlds")
            classify(bench, bench.rules.sets[set_name])
            for number, (segment, member, what) in enumerate(self.wanted):
                flag = bench.one(f"SELECT {identifier(f'in {segment}')} FROM flagged WHERE email = '{number}'")[0]
                assert bool(flag) is member, (segment, what)
        finally:
            bench.connection.execute("DROP TABLE IF EXISTS profile; ALTER TABLE everybody RENAME TO profile")
        return len(self.wanted)


def nearer(flip: Flip) -> Any:
    """The value one whole step nearer to what the fact is; None where that is not known or is no number."""
    if flip.fact.type != "BIGINT" or flip.value is None or abs(flip.to - flip.value) < 2:
        return None
    return flip.to + (1 if flip.to < flip.value else -1)


def beyond(flip: Flip) -> Any:
    """A value further off than ``to``, where the flip says that those do as well."""
    step = timedelta(hours=3) if isinstance(flip.to, datetime) else 50
    if flip.reach == "or less":
        return flip.to - step if isinstance(step, timedelta) else max(0, flip.to - step)
    return flip.to + step if flip.reach == "or more" else flip.to


@pytest.mark.parametrize("set_name", ["action", "lifecycle"])
def test_every_flip_flips_and_a_smaller_one_does_not(demo_bench: Workbench, set_name: str) -> None:
    worlds, chosen = Worlds(demo_bench), demo_bench.rules.sets[set_name]
    emails = demo_bench.connection.execute(f"SELECT email FROM profile ORDER BY hash(email) LIMIT {PEOPLE}").fetchall()
    for (email,) in emails:
        for verdict in explain(demo_bench, chosen, email).verdicts:
            for flip in verdict.flips:
                if flip.reach != "anything else":
                    worlds.add(verdict, email, flip, flip.to, flipped=True)
                    worlds.add(verdict, email, flip, beyond(flip), flipped=True)
                if (less := nearer(flip)) is not None:
                    worlds.add(verdict, email, flip, less, flipped=False)
    assert worlds.check(set_name) > 5 * PEOPLE


@pytest.mark.parametrize("set_name", ["action", "lifecycle"])
def test_verdicts_are_the_classification(demo_bench: Workbench, set_name: str) -> None:
    chosen = demo_bench.rules.sets[set_name]
    classify(demo_bench, chosen)
    rows = demo_bench.connection.execute(
        f"SELECT email, segments, because FROM classified ORDER BY hash(email) LIMIT {PEOPLE}"
    ).fetchall()
    for email, segments, because in rows:
        found = explain(demo_bench, chosen, email)
        assert [segment.id for segment in found.members] == segments
        assert [verdict.because for verdict in found.verdicts if verdict.member] == because


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    rows = Company()
    rows.account("failing@x.example", runs={"completed": 5, "failed": 14}, credits=12)
    rows.account("rich@x.example", runs={"completed": 1}, credits=62.5)
    rows.account("prospect@x.example", credits=100, subscription="active", signed_up=ago(20))
    rows.event(rows.person("prospect@x.example"), "mcp_connect_clicked", ago(2), template_name="Gmail")
    rows.account("idle@x.example", signed_up=ago(40))
    rows.account("unknown@x.example", credits=None, signed_up=ago(40))
    with office(tmp_path_factory.mktemp("explained"), rows) as opened:
        yield opened


@pytest.fixture(scope="module")
def bench(company: Office) -> Iterator[Workbench]:
    with company.bench() as loaded:
        yield loaded


def verdict_of(bench: Workbench, name: str, segment: str, set_name: str = "action") -> Verdict:
    found = explain(bench, bench.rules.sets[set_name], f"{name}@x.example")
    return next(verdict for verdict in found.verdicts if verdict.segment.id == segment)


def flips(bench: Workbench, name: str, segment: str) -> dict[str, tuple[Any, str]]:
    return {flip.fact.name: (flip.to, flip.reach) for flip in verdict_of(bench, name, segment).flips}


def test_out_of_failing(bench: Workbench) -> None:
    assert flips(bench, "failing", "failing") == {
        "run_count": (5, "or less"),
        "runs_completed": (14, "or more"),
        "runs_failed": (5, "or less"),
    }


def test_into_power(bench: Workbench) -> None:
    assert flips(bench, "rich", "power") == {"run_count": (6, "or more"), "credits": (49.99, "or less")}


def test_what_two_facts_hold_no_single_one_changes(bench: Workbench) -> None:
    assert flips(bench, "failing", "power") == {}


def test_a_subscriber_would_be_a_prospect_without_the_subscription(bench: Workbench) -> None:
    assert flips(bench, "prospect", "high_intent") == {"subscription_status": (None, "anything else")}


def test_at_risk_until_anything_happens(bench: Workbench) -> None:
    week = ago(7)
    after = week + timedelta(seconds=1)
    assert flips(bench, "idle", "at_risk") == {
        "signed_up_at": (after, "or more"),
        "run_count": (1, "or more"),
        **dict.fromkeys(
            ("last_run_at", "last_tool_at", "last_code_at", "last_agent_at", "last_custom_tool_at", "last_event_at"),
            (after, "or more"),
        ),
        "last_active_at": (after, "or more"),
    }


def test_an_unknown_fact_leaves_the_verdict_open(bench: Workbench) -> None:
    verdict = verdict_of(bench, "unknown", "power")
    assert verdict.member is None
    assert [looked.met for looked in verdict.looked] == [False, None]
    assert flips(bench, "unknown", "power")["credits"] == (49.99, "or less")


def test_rates_carry_their_number(bench: Workbench) -> None:
    looked = verdict_of(bench, "failing", "failing").looked[1]
    assert looked.counts == {"success_rate": 19}
    assert looked.facts[0][1] == pytest.approx(5 / 19)


def test_the_first_of_an_exclusive_set_takes_the_person(bench: Workbench) -> None:
    verdict = verdict_of(bench, "failing", "active", "lifecycle")
    assert (verdict.member, verdict.earlier) == (True, "")
    later = verdict_of(bench, "failing", "at_risk", "lifecycle")
    assert (later.member, later.earlier) == (False, "Active")


def test_a_source_that_is_missing_is_named(company: Office) -> None:
    with company.bench("neon") as bench:
        verdict = verdict_of(bench, "failing", "frustrated")
        assert (verdict.member, verdict.flips) == (None, ())
        assert "PostHog is not connected" in verdict.unknown
        assert verdict_of(bench, "failing", "failing").member is True


def test_nobody_of_that_name(bench: Workbench) -> None:
    error = problem(lambda: explain(bench, bench.rules.sets["action"], "failling@x.example"))
    assert error.exit_code == 2
    assert "failing@x.example" in error.hint
    assert "5 people are known" in problem(lambda: explain(bench, bench.rules.sets["action"], "qqq")).hint


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("failing", ["> 5", "and < 50 %"]),
        ("frustrated", ["> 0", "or > 0"]),
        ("high_intent", ["> 0", "and = 100", "and is not active"]),
        ("at_risk", ["≥ 7", "and = 0", "and (none seen", "or at least 7 days ago)"]),
    ],
)
def test_rules_in_words(bench: Workbench, name: str, rule: list[str]) -> None:
    document = explain_document(bench, explain(bench, bench.rules.sets["action"], "idle@x.example"), "UTC")
    rows = document.blocks[-2].table.dicts()  # type: ignore[union-attr]
    title = bench.rules.sets["action"][name].name
    start = next(number for number, row in enumerate(rows) if row["segment"] == title)
    said = [row["rule"] for row in rows[start:] if row["segment"] in (title, "") and row["rule"]]
    assert said[: len(rule)] == rule
