"""`usertrack live`: a line for everything that people do, and for who needs help."""

import json
from datetime import timedelta

import pytest

from tests.conftest import Cli
from tests.live.alerts.signals import T0
from tests.server.capture_fixtures import shared_store  # noqa: F401
from tests.web.live_site import Company, company  # noqa: F401
from usertrack.live.signals.active import ActivePeople
from usertrack.live.signals.occurrence import Occurrence

HOSTILE = "Zoë🎉\x1b[2J@acme.example"


@pytest.fixture
def followed(company: Company, cli: Cli, clean_env: pytest.MonkeyPatch) -> Cli:  # noqa: F811
    """`usertrack live` for one round, in a company where two people looked at a page and a third needs help."""
    for name, setting in company.settings.values.items():
        if name.startswith("posthog."):
            clean_env.setenv(name.replace(".", "_").upper(), str(setting.value))
    company.come("paid@acme.example")
    company.come("dana@acme.example", "/billing")
    company.alert(HOSTILE)

    def run(*arguments: object) -> object:
        return cli("live", "--rounds", 1, *arguments)

    return run  # type: ignore[return-value]


def test_each_happening_is_a_line_of_its_own(followed: Cli) -> None:
    answer = followed()
    assert answer.code == 0
    lines = [line.split(maxsplit=1)[1] for line in answer.out.splitlines()]
    assert any(
        line.startswith("paid@acme.example") and line.endswith("paid   looked at /pricing/:id") for line in lines
    )
    assert any("needs help (stuck): 4 errors in 5 minutes" in line for line in lines)
    assert "\x1b" not in answer.out


def test_a_filter_leaves_the_lines_with_that_text(followed: Cli) -> None:
    assert {line.split()[1] for line in followed("--filter", "/BILLING").out.splitlines()} == {"dana@acme.example"}


def test_programs_read_json_lines(followed: Cli) -> None:
    happenings = [json.loads(line) for line in followed("-f", "jsonl", "--filter", "paid@").out.splitlines()]
    assert happenings[-1].items() >= {"who": "paid@acme.example", "tier": "paid", "page": "/pricing/:id"}.items()


def test_what_cannot_follow_line_by_line_is_refused(cli: Cli) -> None:
    answer = cli("live", "--rounds", 1, "-f", "parquet")
    assert answer.code == 2
    assert "-f jsonl" in answer.err


def test_active_is_who_did_something_in_the_last_minutes() -> None:
    people = ActivePeople()
    start = T0.timestamp()
    event = Occurrence(start, "u1", "$pageview", "ann", "ann", route="/a")
    people.feed([event, event, event._replace(at=start + 10, uuid="u2", route="/b")])
    [ann] = people.at(T0 + timedelta(seconds=20))
    assert (ann.route, ann.events) == ("/b", 2)
    assert people.rate(T0 + timedelta(seconds=20)) == pytest.approx(2 / 30)
    assert people.at(T0 + timedelta(minutes=6)) == []


def test_nobody_plays_the_demo(demo: Cli) -> None:
    result = demo("live", "--demo", "--rounds", 1)
    assert result.code == 3
    assert "usertrack serve --demo-traffic" in result.err
