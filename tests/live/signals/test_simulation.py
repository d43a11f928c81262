"""Patterns over the past: how many messages, about whom, and whether they were right."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from tests.conftest import Cli, problem
from tests.live.alerts.signals import T0, at, signal
from tests.live.signals.events import START, event, patterns_of
from usertrack.live.alerts.life import Alert, after_signal
from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.alerts.notifications import Notifications
from usertrack.live.alerts.router import Router
from usertrack.live.signals.audience import Everybody
from usertrack.live.signals.occurrence import Occurrence
from usertrack.live.signals.patterns import Pattern
from usertrack.live.signals.simulation.deliveries import Deliveries, with_one_channel
from usertrack.live.signals.simulation.numbers import Simulation, simulate
from usertrack.live.signals.simulation.outcomes import back_test, churned, event_happens
from usertrack.live.signals.simulation.wanted import parse_outcome

DAY = 86_400
BEGIN = datetime.fromtimestamp(START, UTC)
RULES = "errors: {when: {count: $exception, more_than: 1, within: 5m}, cooldown: 1h}"


def simulated(folder: Path, events: list[Occurrence], days: int, *, curve: bool = False) -> Simulation:
    patterns = patterns_of(folder, RULES)
    settings = with_one_channel(patterns.notifications)
    until = BEGIN + timedelta(days=days)
    noted = ["upgraded"]
    return simulate(patterns, Everybody(), settings, sorted(events), BEGIN, until, noted=noted, with_curve=curve)


def failing(person: str, second: float, times: int = 2) -> list[Occurrence]:
    return [event(second + number, "$exception", person) for number in range(times)]


def test_one_trouble_is_one_alert_and_one_message(tmp_path: Path) -> None:
    simulation = simulated(tmp_path, [*failing("ann", 10), *failing("bob", 3 * DAY, times=9)], days=10)
    assert [alert.person for alert in simulation.fired] == ["ann", "bob"]
    assert len(simulation.messages) == 2
    assert simulation.by_day == [1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert {each.person for each in simulation.pinged} == simulation.troubled == {"ann", "bob"}


def test_what_happened_before_the_time_in_question_is_learned_from_and_not_told(tmp_path: Path) -> None:
    simulation = simulated(tmp_path, [*failing("ann", -DAY), *failing("bob", 10)], days=2)
    assert [alert.person for alert in simulation.fired] == ["bob"]
    assert len(simulation.messages) == 1


def test_stricter_patterns_never_send_more(tmp_path: Path) -> None:
    events = [each for n in range(20) for each in failing(f"p{n}", n * 4000, times=1 + n % 6)]
    curve = simulated(tmp_path, events, days=2, curve=True).curve
    assert curve
    assert curve.factors == (0.5, 1.0, 1.5, 2.0, 3.0)
    assert all(less >= more for less, more in pairwise(curve.by_pattern["errors"]))
    assert curve.total[0] > curve.total[-1]


def test_precision_lead_time_and_lift_are_of_the_holdout(tmp_path: Path) -> None:
    stay = [event(day * DAY + 60, person=f"q{n}") for n in range(8) for day in range(30)]
    leave = [each for n in range(4) for each in failing(f"p{n}", 10 * DAY + n)]  # and are not seen again
    simulation = simulated(tmp_path, [*stay, *leave], days=30)
    tests = back_test(simulation, churned(simulation.presence, timedelta(days=14)))
    [test] = tests.tests
    assert (test.holdout.hits, test.holdout.people) == (4, 4)
    assert test.holdout.base == pytest.approx(4 / 12)  # of the 12 people of that day
    assert test.holdout.lift == pytest.approx(3)
    assert test.holdout.interval.low == pytest.approx(0.51, abs=0.01)  # Wilson, for 4 of 4
    assert test.earlier.people == 0
    assert (tests.middle, tests.until) == (BEGIN + timedelta(days=8), BEGIN + timedelta(days=16))


def test_an_event_as_the_outcome(tmp_path: Path) -> None:
    events = [*failing("ann", 0), event(2 * DAY, "upgraded", "ann"), *failing("bob", 0), event(20 * DAY, person="bob")]
    simulation = simulated(tmp_path, events, days=30)
    outcome = event_happens(simulation.presence, timedelta(days=14), "upgraded", first=True)
    [test] = back_test(simulation, outcome).tests
    assert (test.earlier.hits, test.earlier.people) == (1, 2)
    assert test.lead_days == pytest.approx(2, abs=0.01)


def test_an_outcome_is_asked_of_each_pattern_alone(tmp_path: Path) -> None:
    rules = f"{RULES}\nrage: {{when: {{count: $rageclick, more_than: 0, within: 5m}}}}"
    patterns = patterns_of(tmp_path, rules)
    events = [*failing("ann", 0), event(5, "$rageclick", "bob"), event(DAY, "upgraded", "bob")]
    until = BEGIN + timedelta(days=30)
    settings = with_one_channel(patterns.notifications)
    simulation = simulate(patterns, Everybody(), settings, sorted(events), BEGIN, until, noted=["upgraded"])
    outcome = parse_outcome("event:upgraded", timedelta(days=14)).outcome(simulation, Everybody())
    tests = {test.pattern: (test.earlier.hits, test.earlier.people) for test in back_test(simulation, outcome).tests}
    assert tests == {"errors": (0, 1), "rage": (1, 1)}


def test_outcomes_are_told_in_words_and_asked_of_the_right_people(tmp_path: Path) -> None:
    asked, fortnight = parse_outcome("segment:action/power", timedelta(days=14)), timedelta(days=14)
    patterns = asked.asking(patterns_of(tmp_path, RULES))
    assert patterns.patterns[-1].segment == "action/power"
    simulation = simulated(tmp_path, [*failing("ann", 0), *failing("bob", 0)], days=30)
    in_power = asked.outcome(simulation, OnlyAnn())
    assert [in_power.happens(person, START) for person in ("ann", "bob")] == [0.0, None]
    churn = parse_outcome("churned", fortnight).outcome(simulation, Everybody())
    assert churn.explanation == "left within 7 days and was not seen in the 7 after"
    assert parse_outcome("converted", fortnight).outcome(simulation, Everybody()).text == "converted"


class OnlyAnn(Everybody):
    def includes(self, pattern: Pattern, person: str) -> bool | None:
        return person == "ann"


class Nobody(Everybody):
    def includes(self, pattern: Pattern, person: str) -> bool | None:
        return pattern.id != "errors"


def test_a_moved_threshold_is_about_the_same_people(tmp_path: Path) -> None:
    patterns = patterns_of(tmp_path, RULES)
    settings, until = with_one_channel(patterns.notifications), BEGIN + timedelta(days=2)
    simulation = simulate(patterns, Nobody(), settings, failing("ann", 0, times=9), BEGIN, until, with_curve=True)
    assert simulation.curve
    assert simulation.curve.total == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("text", ["", "left", "event:", "segment", "churned:now"])
def test_no_outcome(text: str) -> None:
    assert "is no outcome" in problem(lambda: parse_outcome(text, timedelta(days=14))).message


@pytest.mark.parametrize("seed", range(8))
def test_virtual_time_skips_nothing_that_a_live_router_says(seed: int) -> None:
    random = Random(seed)
    settings = with_one_channel(Notifications())
    stream = _stream(random)
    deliveries, router = Deliveries(settings, T0), Router(settings)
    deliveries.receive(stream)
    deliveries.advance(at(40_000))
    alerts: dict[str, Alert] = {}
    expected = []
    for number in range(40_001):
        while stream and stream[0].at <= at(number):
            each = stream.pop(0)
            expected += router.due(each.at)
            alerts[each.key], _ = after_signal(alerts.get(each.key), each)
            router.receive(alerts[each.key], each.at)
        expected += router.due(at(number))
    assert [(each.at, each.reason) for each in deliveries.messages] == [(each.at, each.reason) for each in expected]


def _stream(random: Random) -> list[Signal]:
    firing: set[str] = set()
    signals = []
    for second in sorted(random.sample(range(20_000), 40)):
        person = random.choice("abcd")
        state = SignalState.RESOLVED if person in firing else SignalState.FIRING
        firing ^= {person}
        severity = "info" if person == "d" else "warning"
        signals.append(signal(person=person, state=state, after=second, severity=severity, person_=person))
    return signals


@pytest.mark.slow
def test_the_demo_gets_few_messages_and_nobody_in_trouble_is_missed(demo: Cli) -> None:
    result = demo("alerts", "simulate", "--demo", "--format", "json")
    assert result.code == 0, result.err
    answer = json.loads(result.out)
    assert answer["messages_a_day"] <= 20
    assert answer["people_in_trouble_pinged"] >= 0.9 * answer["people_in_trouble"] > 100
    assert {each["pattern"] for each in answer["patterns"]} >= {"errors", "stuck", "paying_quiet"}


@pytest.mark.slow
def test_a_picture_of_thresholds_and_messages(demo: Cli, tmp_path: Path) -> None:
    page = tmp_path / "patterns.html"
    result = demo("alerts", "simulate", "--demo", "--days", "14", "--curve", "-o", page)
    assert result.code == 0, result.err
    assert "×1.5" in page.read_text()
    assert "<svg" in page.read_text()
