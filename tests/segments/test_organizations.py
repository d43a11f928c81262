"""Organizations: the same queries, grouped by another key, on real engines."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

from usertrack.library.library import Library, shipped_root
from usertrack.segments.applicable import applicable
from usertrack.segments.classify import classify
from usertrack.segments.profiles import Profiles, build_profiles
from usertrack.segments.rules import read_rules

from ..conftest import problem
from ..people import Company, Office, ago, office

SHIPPED = shipped_root() / "segments.yaml"


@contextmanager
def organizations(company: Office, only: str | None = None) -> Iterator[Profiles]:
    company.library = company.library.by("organization")
    rules = applicable(read_rules(SHIPPED).judging("organization"), company.library)
    with company.runner() as runner:
        yield build_profiles(runner, rules, only=only)


def facts(profiles: Profiles, *names: str) -> dict[str, tuple[object, ...]]:
    rows = profiles.connection.execute(f"SELECT organization, {', '.join(names)} FROM profile ORDER BY 1").fetchall()
    return {row[0]: row[1:] for row in rows}


def test_facts_are_those_of_all_its_people_together(tmp_path: Path) -> None:
    rows = Company()
    acme = {"organization": "Acme"}
    ann = rows.account("ann@acme.example", subscription="active", revenue=29, last_active=ago(40), **acme)
    rows.account("Ann@acme.example", revenue=10, **acme)
    bob = rows.account("bob@acme.example", last_active=ago(2), credits=20, **acme)
    for user, day in ((ann, 9), (bob, 4), (bob, 3)):
        rows.run(user, "failed", ago(day), "Modal OOM" if user == bob else "no route")
    rows.run(bob, "completed", ago(5))
    for name in ("ann", "bob"):
        person = rows.person(f"{name}@acme.example")
        rows.event(person, "$pageview", ago(1), **{"p_$group_0": "Acme"})
        rows.event(person, "$pageview", ago(1))
    rows.account("boss@datagen.dev", runs={"failed": 50}, **acme)
    rows.account("eve@acme.example", organization="acme")
    with office(tmp_path, rows) as company, organizations(company) as known:
        assert facts(known, "people", "accounts", "active_people", "paying_people", "revenue", "credits") == {
            "Acme": (2, 3, 1, 1, 39, 180),
            "acme": (1, 1, 0, 0, None, 80),
        }
        assert facts(known, "run_count", "success_rate", "top_failure", "last_run_at")["Acme"] == (
            *(4, 0.25, "Modal OOM · Platform"),
            ago(3),
        )
        # both were active on one and the same day, and what named no organization was nobody's
        assert facts(known, "events_recent", "active_days", "people_seen")["Acme"] == (2, 1, 2)


def test_what_the_sources_do_not_share_is_told(tmp_path: Path) -> None:
    rows = Company()
    rows.account("ann@x.example", organization="in both")
    rows.account("bob@x.example", organization="accounts alone")
    rows.account("eve@x.example")
    person = rows.person("ann@x.example")
    for group in ("in both", "events alone", ""):
        rows.event(person, "$pageview", ago(1), **{"p_$group_0": group})
    with office(tmp_path, rows) as company, organizations(company) as known:
        match = known.match
        assert (match.matched, match.posthog_only, match.postgres_only) == (1, 1, 1)
        assert (match.without_email, match.anonymous, match.ambiguous) == (1, 1, 0)


def test_its_people_add_up_to_those_with_an_organization(tmp_path: Path) -> None:
    draw, rows = Random(7), Company()
    people = {f"p{number}@x.example": draw.choice(["a", "b", "c d", "\"é'", None]) for number in range(60)}
    runs = {email: draw.randrange(4) for email in people}
    for email, organization in people.items():
        for _ in range(draw.randint(1, 2)):
            rows.account(email, organization=organization)
        for _ in range(runs[email]):
            rows.run(len(rows.tables["fastapi_user"]), "completed", ago(draw.randint(1, 50)))
    with office(tmp_path, rows) as company, organizations(company) as known:
        sizes = {name: size for name, (size,) in facts(known, "people").items()}
        assert sizes == Counter(filter(None, people.values()))
        assert known.match.without_email == list(people.values()).count(None)
        counted = facts(known, "run_count")
        assert sum(int(str(count)) for (count,) in counted.values()) == sum(
            count for email, count in runs.items() if people[email]
        )


def test_events_that_name_no_organization_say_nothing_of_any(tmp_path: Path) -> None:
    rows = Company()
    rows.account("ann@x.example", organization="acme", runs={"failed": 12})
    rows.event(rows.person("ann@x.example"), "$rageclick", ago(1))
    with office(tmp_path, rows) as company, organizations(company) as known:
        assert facts(known, "runs_failed", "rage_clicks", "idle_days") == {"acme": (12, None, None)}
        assert "no event of PostHog names an organization" in known.notes[0]
        classification = classify(known, known.rules.sets["organizations"])
        assert classification.count("failing").people == 1
        assert classification.count("champion").people == 0  # it pays nothing, whatever it did


def test_a_project_may_say_that_its_events_never_name_one(tmp_path: Path) -> None:
    fragments = tmp_path / "queries/fragments/posthog"
    fragments.mkdir(parents=True)
    (fragments / "organization.sql").write_text("-- title: None\nNULL\n")
    library = Library([shipped_root() / "queries", tmp_path / "queries"], key="organization")
    rules = applicable(read_rules(SHIPPED).judging("organization"), library)
    assert not [name for name in rules.queries if name.startswith("posthog/")]
    known = [segment.id for segment in rules.sets["organizations"].segments]
    assert known == ["failing", "leaving", "expansion", "champion", "team"]


def test_what_an_organization_pays_as_a_whole_counts_once(tmp_path: Path) -> None:
    tables = tmp_path / "tables/neon"
    tables.mkdir(parents=True)
    columns = "w.id AS account_id, w.email, w.created_at AS signed_up_at, w.organization"
    accounts = f"-- title: Accounts\nSELECT {columns}, 99 AS organization_revenue FROM wasp_user AS w\n"
    (tables / "accounts.sql").write_text(accounts)
    rows = Company()
    for name in ("ann", "bob", "eve"):
        rows.account(f"{name}@x.example", organization="acme")
    with office(tmp_path, rows) as company:
        company.library = Library([shipped_root() / "queries"], [tmp_path / "tables"])
        with organizations(company) as known:
            assert facts(known, "people", "revenue") == {"acme": (3, 99)}


def test_one_of_them_alone(tmp_path: Path) -> None:
    rows = Company()
    for name in ("acme", "Acme", "acme "):
        rows.account(f"{len(name)}{name[0]}@x.example", organization=name)
    with office(tmp_path, rows) as company, organizations(company, only=" acme") as known:
        assert facts(known, "people") == {"acme": (2,)}


def test_a_query_about_people_alone_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "posthog").mkdir()
    header = "-- title: Prices\n-- key: email\n-- facts:\n--   views: {label: views, type: int}\n"
    (tmp_path / "posthog/prices.sql").write_text(f"{header}SELECT '' AS email, 1 AS views FROM events\n")
    library = Library([shipped_root() / "queries", tmp_path], key="organization")
    rules = read_rules(SHIPPED).judging("organization")
    keen = replace(rules.sets["organizations"].segments[0], id="keen", when="views > 2")
    segment_set = replace(rules.sets["organizations"], segments=(keen, *rules.sets["organizations"].segments))
    rules = replace(rules, queries={**rules.queries, "posthog/prices": {}}, sets={"organizations": segment_set})
    assert applicable(rules, library).absent == {"keen": "posthog/prices by organization"}


def test_a_set_is_of_people_or_of_organizations(tmp_path: Path) -> None:
    text = SHIPPED.read_text()
    assert sorted(read_rules(SHIPPED).sets) == ["action", "lifecycle", "offers"]
    assert "take --by organization" in problem(lambda: read_rules(SHIPPED).set_named("organizations")).hint
    (tmp_path / "segments.yaml").write_text(text.replace("by: organization", "by: team"))
    line = text[: text.index("by: organization\n")].count("\n") + 1
    wrong = problem(lambda: read_rules(tmp_path / "segments.yaml"))
    assert f"segments.yaml:{line}: 'by' is organization, or is left out" in wrong.message
