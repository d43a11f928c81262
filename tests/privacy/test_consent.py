"""Who said no counts in no query of PostHog's, known or anonymous, however no was said."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.library.test_query_library import OF_EVERYBODY, answer
from usertrack.core.identified import IDENTIFIED
from usertrack.engine.opt_out import opted_out
from usertrack.server.database.store import Store

from ..people import NOW, Company, ago
from ..product.logs import LIBRARY, asking

DAN = "dan.moreau@hooli.example"  # whom the queries about one person are asked about
QUERIES = [name for name in LIBRARY if name.startswith("posthog/") and name not in ("posthog/opted_out", *OF_EVERYBODY)]
TAKEN_UP = {"posthog/people"}  # lists everybody with an e-mail: profiles know who opted out
ALIKE = {"posthog/newest", "posthog/arrival_values", "posthog/arrival_group_properties"}  # for one and for several


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with closing(Store(tmp_path_factory.mktemp("consent"))) as opened:
        yield opened


def fill(store: Store, *persons: dict[str, Any]) -> None:
    """The store anew: one person who did everything, and so did each of ``persons``, who have these properties."""
    for table in ("events", "persons", "person_distinct_ids"):
        store.query(f"TRUNCATE TABLE posthog.{table}")
    company = Company()
    for number, properties in enumerate([{"email": "eve@x.example"}, *persons]):
        person = company.person(None, created=ago(20))
        company.persons[-1]["properties"] = properties
        for day in (1, 2, 40):
            about = {"p_$session_id": f"s{number}-{day}", "p_$pathname": "/", "p_$geoip_country_code": "DE"}
            for event in ("$pageview", "$rageclick", "$exception", "$autocapture", "user_signed_up"):
                company.event(person, event, ago(day), **about)
            company.event(person, "$pageview", ago(day, seconds=-60), **{**about, "p_$pathname": "/pricing"})
            company.event(person, "feature_used", ago(day), feature="f", category="c", **about)
            company.event(person, "onboarding_started", ago(day - 0.1), **about)
            for event in ("mcp_connect_clicked", "mcp_setup_completed", "frustration_signal"):
                company.event(person, event, ago(day), template_name="Slack", **about)
    store.insert("persons", company.persons)
    store.insert("events", company.events)
    store.refresh_property_definitions()


def answers(store: Store) -> dict[str, list[Any]]:
    with asking(store, NOW) as runner:
        return {name: sorted(map(repr, answer(runner, name).rows)) for name in QUERIES}


@pytest.fixture(scope="module")
def alone(store: Store) -> dict[str, list[Any]]:
    fill(store)
    return answers(store)


NO = [{"$opt_out": True}, {"$opt_out": "Yes"}, {"$opt_out": 1, "email": DAN}, {"email": f" {DAN.upper()}"}]


@pytest.mark.parametrize(
    ("profiles", "differ"),
    [
        (NO, TAKEN_UP),  # one no is for all of Dan's persons
        pytest.param([{"email": DAN}], {*QUERIES} - ALIKE, marks=pytest.mark.slow),  # when Dan did all that nobody said
    ],
)
def test_who_said_no_counts_nowhere(
    store: Store, alone: dict[str, list[Any]], profiles: list[dict[str, Any]], differ: set[str]
) -> None:
    fill(store, *profiles)
    results = answers(store)
    assert {name for name in QUERIES if results[name] != alone[name]} == differ


@pytest.mark.parametrize("no", [True, "true", "Yes", 1, "1"])
def test_no_is_no_however_it_is_typed(store: Store, no: object) -> None:
    fill(store, {"$opt_out": no}, *({"$opt_out": yes} for yes in (False, 0, "no", "", None, {}, "2025-01-01")), {})
    assert counted(store, "$opt_out") == (1, 1)


@pytest.mark.parametrize("name", ["it's", "back\\slash", "a.b", "{internal}", "$x/y", '"q"', "é", "-- "])
def test_any_name_can_mean_no(store: Store, name: str) -> None:
    fill(store, {name: "yes"}, {name: "no"}, {})
    assert counted(store, name) == (1, 1)


def counted(store: Store, name: str) -> tuple[int, int]:
    with asking(store, NOW) as runner:
        query = LIBRARY["posthog/opted_out"].bind(
            {}, {"internal": [], "own_people": [], "opted_out": opted_out([name]), "identified": IDENTIFIED}
        )
        [row] = runner.table(query).dicts()
        return row["persons"], row["without_email"]
