"""A company with PostHog alone, whose people have ids and no e-mail."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from usertrack.library.entities import KINDS
from usertrack.library.library import Library, shipped_root
from usertrack.segments.applicable import applicable
from usertrack.segments.classify import classify
from usertrack.segments.profiles import build_profiles
from usertrack.segments.rules import Rules, read_rules

from ..people import Office, ago, office
from .test_keys import Product


def library(key: str) -> Library:
    return Library([shipped_root() / "queries"], absent=KINDS, key=key)


def rules(key: str) -> Rules:
    return applicable(replace(read_rules(shipped_root() / "segments.yaml"), key=key), library(key))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    rows = Product()
    rows.known("u-1", "u-1-old", anonymous="0190a0b0-0000-7000-8000-000000000001")
    rows.sent("0190a0b0-0000-7000-8000-000000000001", "$rageclick", ago(2))
    rows.sent("u-1-old", "$exception", ago(1))
    for number in range(2, 602):  # a server sends them, and never calls identify
        rows.known(f"u-{number}")
        rows.persons[-1]["is_identified"] = False
        rows.sent(f"u-{number}", "level finished", ago(number / 10))
    rows.known("boss@datagen.dev")
    rows.known("u-900", anonymous="", **{"$opt_out": True})
    rows.event(rows.person(None), "$rageclick", ago(1))  # a visitor
    with office(tmp_path_factory.mktemp("ids"), rows) as opened:
        yield opened


@pytest.mark.parametrize(("key", "profiles_of_first"), [("person_id", 1), ("account_id", 2)])
def test_everybody_with_an_id_is_classified(company: Office, key: str, profiles_of_first: int) -> None:
    company.library = library(key)
    with company.runner("posthog") as runner:
        profiles = build_profiles(runner, rules(key))
    assert profiles.people == 600 + profiles_of_first
    frustrated = {count.segment.id: count.people for count in classify(profiles, profiles.rules.sets["action"]).counts}
    assert frustrated["frustrated"] == profiles_of_first
    assert profiles.match.anonymous == 1
    active = {count.segment.id: count.people for count in classify(profiles, profiles.rules.sets["lifecycle"]).counts}
    assert (active["active"] or 0) > 100
    if key == "person_id":
        asked = "SELECT person_id, ids, rage_clicks, exceptions FROM profile WHERE rage_clicks > 0"
        assert profiles.connection.execute(asked).fetchall() == [("u-1", 2, 1, 1)]


def test_by_e_mail_segments_says_which_setting_helps(company: Office) -> None:
    company.library = library("email")
    with company.runner("posthog", internal=()) as runner:
        profiles = build_profiles(runner, rules("email"))
    assert [note for note in profiles.notes if "`key: person_id`" in note], profiles.notes
