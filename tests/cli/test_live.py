"""`usertrack live`: who is here, who needs help, at any width."""

from collections.abc import Sequence
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from tests.alerts.signals import T0, at, signal
from tests.conftest import Cli
from usertrack.alerts.life import Alert, acknowledged, after_signal, snoozed
from usertrack.cli.live_screen import NEEDS_HELP, Screen, Seen, plain_lines
from usertrack.signals.active import ActivePeople, ActivePerson
from usertrack.signals.occurrence import Occurrence

HOSTILE = "[bold]Zoë[/bold] 🎉\x1b[2J"


def alert(person: str, email: str, tier: str = "trial", severity: str = "warning") -> Alert:
    begins = signal(person=person, severity=severity, facts={"email": email, "tier": tier, "page": "/billing"})
    return after_signal(None, begins)[0]


ALERTS = [alert("p1", "dana@acme.example"), alert("p2", HOSTILE, "paid", "critical")]


def seen(alerts: Sequence[Alert] = ALERTS) -> Seen:
    active = [ActivePerson(f"p{n}", f"/page/{n}", "s", 0, T0.timestamp() + 50 - n) for n in range(3, 40)]
    facts = {each.person: {"email": f"{each.person}@acme.example", "tier": "trial"} for each in active}
    return Seen(at(60), alerts, active, facts, 12.5)


def drawn(screen: Screen, view: Seen, width: int = 120, height: int = 24) -> str:
    file = StringIO()
    Console(file=file, width=width, height=height).print(screen.draw(view, width, height))
    return file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_fits_the_terminal_and_the_most_urgent_comes_first(width: int) -> None:
    lines = drawn(Screen(), seen(), width).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= width
    assert "37 active" in lines[0]
    assert "Zoë" in lines[2]
    assert "dana" in lines[3]
    assert "\x1b" not in lines[2]


def test_filters_go_round_and_nobody_is_lost() -> None:
    screen, view = Screen(), seen()
    assert "p3@acme.example" in drawn(screen, view)
    screen.next_filter(view)
    assert screen.filter == NEEDS_HELP
    assert "p3@acme.example" not in drawn(screen, view)
    screen.next_filter(view)
    text = drawn(screen, view)
    assert screen.filter == "trial"
    assert "dana" in text
    assert "Zoë" not in text
    screen.next_filter(view)
    assert "Zoë" in drawn(screen, view)


def test_keys_act_on_the_chosen_alert_and_never_beyond_the_last() -> None:
    screen, view = Screen(), seen()
    drawn(screen, view)
    assert screen.alert == ALERTS[1]
    screen.move(5)
    assert screen.alert == ALERTS[0]
    drawn(screen, seen([]))
    assert screen.alert is None


def test_a_key_acts_on_the_alert_that_was_chosen_though_a_worse_one_comes_above_it() -> None:
    screen = Screen()
    drawn(screen, seen(ALERTS[:1]))
    drawn(screen, seen())
    assert screen.alert == ALERTS[0]


def test_who_needs_help_is_counted_with_the_people_of_incidents_and_without_who_is_snoozed() -> None:
    incident = after_signal(None, signal(person="", session="", facts={"people": 40}))[0]
    view = seen([incident, ALERTS[0], snoozed(ALERTS[1], "kim", at(3600))])
    assert "41 people need help" in view.headline()


def test_a_name_and_a_tier_do_nothing_to_the_terminal() -> None:
    assert "\x1b" not in drawn(Screen(filter=HOSTILE, message=f"acknowledged: {HOSTILE}"), seen())


def test_who_is_looked_after_needs_no_help() -> None:
    view = seen([acknowledged(each, "kim", at(30)) for each in ALERTS])
    assert "0 people need help" in view.headline()
    assert "acknowledged" in drawn(Screen(), view)


def test_lines_without_a_terminal() -> None:
    lines = plain_lines(seen(), before=set())
    assert len(lines) == 3
    assert plain_lines(seen(), before={each.key for each in ALERTS}) == lines[:1]


def test_active_is_who_did_something_in_the_last_minutes() -> None:
    people = ActivePeople()
    start = T0.timestamp()
    event = Occurrence(start, "u1", "$pageview", "ann", "ann", route="/a")
    people.feed([event, event, replace_event(event, start + 10, "u2", "/b")])
    [ann] = people.at(T0 + timedelta(seconds=20))
    assert (ann.route, ann.events) == ("/b", 2)
    assert people.rate(T0 + timedelta(seconds=20)) == pytest.approx(2 / 30)
    assert people.at(T0 + timedelta(minutes=6)) == []


def replace_event(event: Occurrence, moment: float, uuid: str, route: str) -> Occurrence:
    return event._replace(at=moment, uuid=uuid, route=route)


def test_nobody_plays_the_demo(demo: Cli) -> None:
    result = demo("live", "--demo", "--rounds", 1)
    assert result.code == 3
    assert "usertrack serve --demo-traffic" in result.err
