"""Every flip that an explanation states is made true and judged again."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import AS_OF, problem, slow_but
from tests.people import Company, Office, ago, office
from usertrack.core.document import Listing
from usertrack.core.spool import identifier
from usertrack.segments.applicable import applicable
from usertrack.segments.classify import classify
from usertrack.segments.explain import Flip, Verdict, explain
from usertrack.segments.explain_view import explain_document
from usertrack.segments.expressions import compares_whole_texts, parse
from usertrack.segments.profiles import Profiles
from usertrack.segments.rules import Segment, SegmentSet
from usertrack.workspace.settings import load_settings

PEOPLE = 8


@pytest.fixture(scope="module")
def demo_profiles(demo_cache: Any, demo_postgres: str) -> Profiles:
    """Everybody's profile in the demo, landed once."""
    from usertrack.engine.connect import open_runner
    from usertrack.library.library import Library, shipped_root
    from usertrack.segments.profiles import build_profiles
    from usertrack.segments.rules import read_rules

    with pytest.MonkeyPatch.context() as env:
        env.setenv("XDG_CACHE_HOME", str(demo_cache))
        configured = load_settings(env={}, demo=True)
        library = Library([shipped_root() / "queries"])
        with open_runner(configured, library, now=AS_OF, notify=lambda message, *, passing=False: None) as runner:
            profiles = build_profiles(runner, applicable(read_rules(shipped_root() / "segments.yaml"), runner.library))
    return profiles  # it stands on its own: the engines are closed


class Worlds:
    """People with one fact changed, all classified at once."""

    def __init__(self, profiles: Profiles) -> None:
        self.profiles = profiles
        self.expectations: list[tuple[str, bool, object]] = []
        self.changes: dict[str, list[tuple[str, str, Any]]] = defaultdict(list)

    def add(self, verdict: Verdict, email: str, flip: Flip, to: Any, *, flipped: bool) -> None:
        """Expect that the verdict is ``flipped`` where the fact is ``to``, or that it is not."""
        self.changes[flip.fact.name].append((str(len(self.expectations)), email, to))
        self.expectations.append((verdict.segment.id, bool(verdict.member) is not flipped, (email, flip, to)))

    def check(self, set_name: str) -> int:
        """Everybody's membership is as expected; returns how many were tried."""
        profiles = self.profiles
        profiles.connection.execute("CREATE OR REPLACE TABLE worlds AS SELECT * FROM base LIMIT 0")
        for fact, changes in self.changes.items():
            numbers, emails, values = zip(*changes, strict=True)
            profiles.connection.execute(
                f"INSERT INTO worlds SELECT base.* REPLACE (change.to AS {identifier(fact)}, change.number AS email) "
                'FROM (SELECT unnest($1) AS number, unnest($2) AS email, unnest($3) AS "to") AS change '
                "JOIN base USING (email)",
                [numbers, emails, values],
            )
        derived = ", ".join(f"({fact.sql}) AS {identifier(fact.name)}" for fact in profiles.rules.derived)
        profiles.connection.execute("ALTER TABLE profile RENAME TO everybody")
        try:
            profiles.connection.execute(f"CREATE TABLE profile AS SELECT *, {derived} FROM worlds")
            classify(profiles, profiles.rules.sets[set_name])
            members = {segment.id: self._members(segment.id) for segment in profiles.rules.sets[set_name].segments}
            for number, (segment, member, world) in enumerate(self.expectations):
                assert (str(number) in members[segment]) is member, (segment, world)
        finally:
            profiles.connection.execute("DROP TABLE IF EXISTS profile; ALTER TABLE everybody RENAME TO profile")
        return len(self.expectations)

    def _members(self, segment: str) -> set[str]:
        rows = self.profiles.connection.execute(f"SELECT email FROM flagged WHERE {identifier(f'in {segment}')}")
        return {email for (email,) in rows.fetchall()}


def nearer(flip: Flip) -> Any:
    """The value one whole step nearer to what the fact is; None where that is not known or is no number."""
    if flip.fact.type != "BIGINT" or flip.value is None or flip.to is None or abs(flip.to - flip.value) < 2:
        return None
    return flip.to + (1 if flip.to < flip.value else -1)


def beyond(flip: Flip) -> Any:
    """A value further off than ``to``, where the flip says that those do as well."""
    step = timedelta(hours=3) if isinstance(flip.to, datetime) else 50
    if flip.extent == "or less":
        return flip.to - step if isinstance(step, timedelta) else max(0, flip.to - step)
    return flip.to + step if flip.extent == "or more" else flip.to


@pytest.mark.slow
@pytest.mark.parametrize("set_name", slow_but(["action"], ["action", "lifecycle", "offers"]))
def test_every_flip_flips_and_a_smaller_one_does_not(demo_profiles: Profiles, set_name: str) -> None:
    worlds = Worlds(demo_profiles)
    emails = demo_profiles.connection.execute(
        f"SELECT email FROM profile ORDER BY hash(email) LIMIT {PEOPLE}"
    ).fetchall()
    for (email,) in emails:
        for verdict in explain(demo_profiles, demo_profiles.rules.sets[set_name], email).verdicts:
            for flip in verdict.flips:
                if flip.extent != "anything else":
                    worlds.add(verdict, email, flip, flip.to, flipped=True)
                    worlds.add(verdict, email, flip, beyond(flip), flipped=True)
                if (less := nearer(flip)) is not None:
                    worlds.add(verdict, email, flip, less, flipped=False)
    assert worlds.check(set_name) > PEOPLE


@pytest.mark.parametrize("set_name", ["action", "lifecycle", "offers"])
def test_verdicts_are_the_classification(demo_profiles: Profiles, set_name: str) -> None:
    segment_set = demo_profiles.rules.sets[set_name]
    classify(demo_profiles, segment_set)
    rows = demo_profiles.connection.execute(
        f"SELECT email, segments, because FROM classified ORDER BY hash(email) LIMIT {PEOPLE}"
    ).fetchall()
    for email, segments, because in rows:
        explanation = explain(demo_profiles, segment_set, email, flips=False)
        assert [segment.id for segment in explanation.members] == segments
        assert [verdict.because for verdict in explanation.verdicts if verdict.member] == because


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
def profiles(company: Office) -> Iterator[Profiles]:
    with company.profiles() as loaded:
        yield loaded


def verdict_of(profiles: Profiles, name: str, segment: str) -> Verdict:
    explanation = explain(profiles, profiles.rules.sets["action"], f"{name}@x.example")
    return next(verdict for verdict in explanation.verdicts if verdict.segment.id == segment)


def flips(profiles: Profiles, name: str, segment: str) -> dict[str, tuple[Any, str]]:
    return {flip.fact.name: (flip.to, flip.extent) for flip in verdict_of(profiles, name, segment).flips}


def test_out_of_failing(profiles: Profiles) -> None:
    assert flips(profiles, "failing", "failing") == {
        "runs_completed": (14, "or more"),
        "runs_failed": (5, "or less"),
    }


def test_into_power(profiles: Profiles) -> None:
    assert flips(profiles, "rich", "power") == {"run_count": (6, "or more"), "credits": (49.99, "or less")}


def test_what_two_facts_hold_no_single_one_changes(profiles: Profiles) -> None:
    assert flips(profiles, "failing", "power") == {}


def test_a_subscriber_would_be_a_prospect_without_the_subscription(profiles: Profiles) -> None:
    assert flips(profiles, "prospect", "high_intent") == {"subscription_status": (None, "anything else")}


def test_at_risk_until_anything_happens(profiles: Profiles) -> None:
    week = ago(7)
    after = week + timedelta(seconds=1)
    assert flips(profiles, "idle", "at_risk") == {
        "signed_up_at": (after, "or more"),
        "run_count": (1, "or more"),
        **dict.fromkeys(
            ("last_run_at", "last_tool_at", "last_code_at", "last_agent_at", "last_custom_tool_at", "last_event_at"),
            (after, "or more"),
        ),
        "last_active_at": (after, "or more"),
    }


def test_an_unknown_fact_leaves_the_verdict_open(profiles: Profiles) -> None:
    verdict = verdict_of(profiles, "unknown", "power")
    assert verdict.member is None
    assert [looked.met for looked in verdict.comparisons] == [False, None]
    assert flips(profiles, "unknown", "power")["credits"] == (49.99, "or less")


def test_rates_carry_their_number(profiles: Profiles) -> None:
    looked = verdict_of(profiles, "failing", "failing").comparisons[1]
    assert looked.counts == {"success_rate": 19}
    assert looked.facts[0][1] == pytest.approx(5 / 19)


def test_the_first_of_an_exclusive_set_takes_the_person(profiles: Profiles) -> None:
    lifecycle = profiles.rules.sets["lifecycle"]
    verdicts = {
        each.segment.id: each for each in explain(profiles, lifecycle, "failing@x.example", flips=False).verdicts
    }
    assert (verdicts["active"].member, verdicts["active"].earlier) == (True, "")
    assert (verdicts["at_risk"].member, verdicts["at_risk"].earlier) == (False, "Active")


def test_a_source_that_is_missing_is_named(company: Office) -> None:
    with company.profiles("neon") as profiles:
        verdict = verdict_of(profiles, "failing", "frustrated")
        assert (verdict.member, verdict.flips) == (None, ())
        assert "PostHog is not connected" in verdict.unknown
        assert verdict_of(profiles, "failing", "failing").member is True


def test_nobody_of_that_name(profiles: Profiles) -> None:
    error = problem(lambda: explain(profiles, profiles.rules.sets["action"], "failling@x.example"))
    assert error.exit_code == 2
    assert "failing@x.example" in error.hint
    assert "5 people are known" in problem(lambda: explain(profiles, profiles.rules.sets["action"], "qqq")).hint


def judged(profiles: Profiles, name: str, when: str) -> Verdict:
    (verdict,) = explain(profiles, SegmentSet("own", (Segment("own", "Own", when),)), f"{name}@x.example").verdicts
    return verdict


@pytest.mark.parametrize(
    ("name", "when", "change"),
    [
        ("prospect", "name = 'free' AND subscription_status IS DISTINCT FROM 'active'", ["no single fact would"]),
        ("prospect", "subscription_status = 'active' AND name IS DISTINCT FROM 'a'", ["anything but active", "a"]),
        ("prospect", "subscription_status IN ('past_due', 'deleted')", ["deleted or past_due"]),
        ("prospect", "subscription_status NOT IN ('active', 'deleted')", ["anything but active or deleted"]),
        ("prospect", "subscription_status IS NULL", ["none"]),
        ("prospect", "subscription_status LIKE 'act%'", ["none"]),
        ("idle", "coalesce(subscription_status, 'a') = 'a' AND run_count < 1", ["anything but none or a", "1 or more"]),
        ("failing", "run_count BETWEEN 3 AND 9 AND credits > 40", ["no single fact would"]),
        ("failing", "run_count BETWEEN 3 AND 9 OR run_count = 30", ["9"]),
        ("failing", "run_count >= 3 AND run_count <= 9", ["", "9"]),
        ("failing", "NOT (run_count > 9)", ["9 or less"]),
        ("failing", "credits IS NULL", ["unknown"]),
    ],
)  # fmt: skip
def test_each_comparison_keeps_its_own_values(profiles: Profiles, name: str, when: str, change: list[str]) -> None:
    segment_set = SegmentSet("own", (Segment("own", "Own", when),))
    document = explain_document(profiles, explain(profiles, segment_set, f"{name}@x.example"), "UTC")
    rows = next(block for block in document.blocks if isinstance(block, Listing)).table.dicts()
    assert [row["change"] for row in rows if row["change"] or change[0] == ""] == change


TEXTS = ("free", "trial", "active", "pro")


def conditions() -> st.SearchStrategy[str]:
    text, amount = st.sampled_from(TEXTS), st.integers(0, 12)
    texts = st.sampled_from(["name", "subscription_status"])
    comparisons = st.one_of(
        st.builds("{} {} '{}'".format, texts, st.sampled_from(["=", "<>", "IS DISTINCT FROM"]), text),
        st.builds("{} {} ('{}', '{}')".format, texts, st.sampled_from(["IN", "NOT IN"]), text, text),
        st.builds("{} IS {}NULL".format, st.sampled_from(["name", "run_count"]), st.sampled_from(["", "NOT "])),
        st.builds("{} LIKE '{}%'".format, texts, text),
        st.builds("coalesce({}, '{}') = '{}'".format, texts, text, text),
        st.builds("run_count {} {}".format, st.sampled_from(["<", ">=", "=", "<>"]), amount),
        st.builds("run_count BETWEEN {} AND {}".format, amount, amount),
    )
    return st.recursive(
        comparisons,
        lambda inner: st.one_of(
            st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR"]), inner),
            st.builds("NOT ({})".format, inner),
        ),
        max_leaves=4,
    )


@pytest.mark.slow
@given(
    when=conditions(),
    name=st.sampled_from([None, *TEXTS]),
    status=st.sampled_from([None, *TEXTS]),
    runs=st.sampled_from([None, 0, 5, 9]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_said_to_change_a_verdict_does(
    profiles: Profiles, when: str, name: str | None, status: str | None, runs: int | None
) -> None:
    """Whatever the rule: what is stated flips it, nothing nearer does, and what is not stated does not."""
    person = {"name": name, "subscription_status": status, "run_count": runs}
    profiles.connection.execute(
        "UPDATE profile SET name = $1, subscription_status = $2, run_count = $3 WHERE email = 'rich@x.example'",
        [*person.values()],
    )
    verdict = judged(profiles, "rich", when)
    flip_of = {flip.fact.name: flip for flip in verdict.flips}
    for fact in (fact for fact in person if fact in when):
        tested = [None] * (fact != "run_count" or "run_count IS" in when)
        tried = [*tested, *(range(40) if fact == "run_count" else [*TEXTS, "another"])]
        values = [value for value in tried if value != person[fact]]
        rows = profiles.connection.execute(
            f"SELECT ({when}) IS TRUE FROM (SELECT p.* REPLACE (v AS {fact}) FROM profile p, "
            "(SELECT unnest($1) AS v, generate_subscripts($1, 1) AS i) WHERE email = 'rich@x.example' ORDER BY i)",
            [values],
        ).fetchall()
        flipping = [value for value, (member,) in zip(values, rows, strict=True) if member is not bool(verdict.member)]
        assert promised(flip_of.get(fact), values) <= set(flipping), (when, person, flip_of.get(fact))
        assert bool(flipping) is (fact in flip_of) or not compares_whole_texts(parse(when, ""), fact), (
            when,
            person,
            fact,
        )
        if fact == "run_count" and fact in flip_of and runs is not None and flip_of[fact].to is not None:
            assert abs(flip_of[fact].to - runs) == min(abs(value - runs) for value in flipping if value is not None)


def promised(flip: Flip | None, values: list[Any]) -> set[Any]:
    """Which of ``values`` flip the verdict, going by what is said."""
    if flip is None:
        return set()
    if flip.extent == "anything else":
        return {value for value in values if value is not None and value not in flip.texts}
    if flip.extent == "exactly":
        return {flip.to, *flip.texts}
    more = flip.extent == "or more"
    return {value for value in values if value is not None and (value >= flip.to if more else value <= flip.to)}


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("failing", ["> 5", "and < 50 %"]),
        ("frustrated", ["> 0", "or > 0"]),
        ("high_intent", ["> 0", "and = 100", "and is not active"]),
        ("at_risk", ["≥ 7", "and = 0", "and (none seen", "or at least 7 days ago)"]),
    ],
)
def test_rules_in_words(profiles: Profiles, name: str, rule: list[str]) -> None:
    document = explain_document(profiles, explain(profiles, profiles.rules.sets["action"], "idle@x.example"), "UTC")
    rows = document.blocks[-2].table.dicts()  # type: ignore[union-attr]
    title = profiles.rules.sets["action"][name].name
    start = next(number for number, row in enumerate(rows) if row["segment"] == title)
    lines = [row["rule"] for row in rows[start:] if row["segment"] in (title, "") and row["rule"]]
    assert lines[: len(rule)] == rule
