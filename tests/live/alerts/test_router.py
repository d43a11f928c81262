from dataclasses import replace
from datetime import timedelta

import pytest

from tests.live.alerts.signals import T0, at, one_route, route, signal
from usertrack.live.alerts.life import acknowledged, after_signal, snoozed
from usertrack.live.alerts.matchers import parse_matcher
from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.alerts.notifications import (
    Budget,
    Channel,
    Inhibition,
    Notifications,
    QuietHours,
    Silence,
    Timing,
)
from usertrack.live.alerts.router import Notification, Reason, Router

PAGER = Channel("pager", "pagerduty")
SLACK = Channel("support", "slack")


def messages_of(router: Router, *steps: Signal, until: float = 3600) -> list[Notification]:
    """What is told in the time until ``until`` seconds after T0, when ``steps`` come at their own time."""
    messages, left = [], sorted(steps, key=lambda step: step.at)
    while True:
        due = router.next_due()
        if left and (due is None or left[0].at <= due):
            step = left.pop(0)
            alert, _ = after_signal(router.alerts.get(step.key), step)
            router.receive(alert, step.at)
        elif due is None or due > at(until):
            return messages
        else:
            messages += router.due(due)


def summary(messages: list[Notification]) -> list[tuple[float, str, list[str], list[str]]]:
    return [
        (
            (message.at - T0).total_seconds(),
            message.reason.value,
            [f"{alert.pattern} {alert.person}" for alert in message.firing],
            [f"{alert.pattern} {alert.person}" for alert in message.resolved],
        )
        for message in messages
    ]


def test_alerts_of_a_person_meet_in_one_message_after_group_wait() -> None:
    messages = messages_of(Router(one_route(PAGER)), signal("errors"), signal("stuck", after=20), until=60)
    assert summary(messages) == [(30, "new", ["errors ada", "stuck ada"], [])]


def test_what_ends_before_anybody_was_told_is_not_told() -> None:
    messages = messages_of(Router(one_route(PAGER)), signal("errors"), signal("errors", SignalState.RESOLVED, after=20))
    assert messages == []


def test_an_end_is_told_at_the_next_interval() -> None:
    messages = messages_of(Router(one_route(PAGER)), signal("errors"), signal("errors", SignalState.RESOLVED, after=60))
    assert summary(messages) == [(30, "new", ["errors ada"], []), (330, "resolved", [], ["errors ada"])]


def test_what_stays_is_repeated() -> None:
    messages = messages_of(Router(one_route(PAGER)), signal("errors"), until=5 * 3600)
    assert summary(messages) == [(30, "new", ["errors ada"], []), (30 + 4 * 3600, "repeat", ["errors ada"], [])]


def test_what_is_acknowledged_is_not_repeated_but_its_end_is_told() -> None:
    router = Router(one_route(PAGER))
    messages_of(router, signal("errors"), until=60)
    router.receive(acknowledged(router.alerts["errors:ada:s1"], "grace", at(60)), at(60))
    messages = messages_of(router, signal("errors", SignalState.RESOLVED, after=9 * 3600), until=10 * 3600)
    assert [message.reason for message in messages] == [Reason.RESOLVED]


def test_what_is_snoozed_is_told_again_when_the_snooze_is_over() -> None:
    router = Router(one_route(PAGER))
    messages_of(router, signal("errors"), until=60)
    router.receive(snoozed(router.alerts["errors:ada:s1"], "grace", at(1200)), at(60))
    assert [each[:2] for each in summary(messages_of(router, until=3600))] == [(1230, "new")]


def test_the_end_of_what_is_snoozed_is_told() -> None:
    router = Router(one_route(PAGER))
    messages_of(router, signal("errors"), until=60)
    router.receive(snoozed(router.alerts["errors:ada:s1"], "grace", at(90_000)), at(60))
    messages = messages_of(router, signal("errors", SignalState.RESOLVED, after=400))
    assert summary(messages) == [(630, "resolved", [], ["errors ada"])]


def test_errors_inhibit_stuck_of_the_same_person_alone() -> None:
    settings = one_route(PAGER).inhibiting({"errors": ["stuck"]})
    messages = messages_of(Router(settings), signal("errors"), signal("stuck"), signal("stuck", person="bob"), until=60)
    assert summary(messages) == [(30, "new", ["errors ada"], []), (30, "new", ["stuck bob"], [])]


def test_an_incident_takes_the_place_of_the_alerts_of_its_people() -> None:
    people = [signal("errors", person=f"p{number}", fingerprint="E1") for number in range(9)]
    incident = signal("errors", person="", session="", fingerprint="E1", after=1)
    messages = messages_of(Router(one_route(PAGER)), *people, incident, until=60)
    assert summary(messages) == [(31, "new", ["errors "], [])]


def test_an_incident_stands_for_lesser_alerts_of_the_same_error_also_after_it() -> None:
    people = [signal("snag", severity="info", person=f"p{number}", fingerprint="E1") for number in range(9)]
    other = signal("snag", severity="info", person="bob", fingerprint="E2")
    incident = signal("errors", person="", session="", severity="critical", fingerprint="E1", after=1)
    later = signal("snag", severity="info", person="late", fingerprint="E1", after=40)
    resolved = signal("errors", SignalState.RESOLVED, person="", session="", fingerprint="E1", after=60)
    ends = [replace(each, state=SignalState.RESOLVED, at=at(900)) for each in people]
    messages = messages_of(Router(one_route(PAGER)), *people, other, incident, later, resolved, *ends, until=2000)
    assert summary(messages) == [
        (30, "new", ["snag bob"], []),
        (31, "new", ["errors "], []),
        (331, "resolved", [], ["errors "]),
    ]


def test_the_end_of_what_was_told_before_its_incident_is_told() -> None:
    snag = signal("snag", fingerprint="E1")
    incident = signal("errors", person="", session="", severity="critical", fingerprint="E1", after=100)
    end = signal("snag", SignalState.RESOLVED, fingerprint="E1", after=400)
    messages = messages_of(Router(one_route(PAGER)), snag, incident, end, until=1000)
    assert summary(messages) == [
        (30, "new", ["snag ada"], []),
        (130, "new", ["errors "], []),
        (630, "resolved", [], ["snag ada"]),
    ]


def test_two_that_are_source_and_target_do_not_mute_each_other() -> None:
    both = Inhibition((parse_matcher("severity=warning"),), (parse_matcher("severity=warning"),), ("person",))
    settings = Notifications(one_route(PAGER).channels, one_route(PAGER).routes, inhibitions=(both,))
    assert len(messages_of(Router(settings), signal("errors"), signal("stuck"), until=60)[0].firing) == 2


def test_a_silence_mutes_what_matches_until_it_ends() -> None:
    router = Router(one_route(PAGER))
    router.silences = [Silence("1", (parse_matcher("tier=~trial|free"),), T0, at(600), "grace", "a launch")]
    messages = messages_of(
        router, signal("errors", tier="trial"), signal("errors", person="bob", tier="paid"), until=1000
    )
    assert [each[0] for each in summary(messages)] == [30, 630]


def test_quiet_hours_wait_with_all_but_what_is_critical() -> None:
    quiet = QuietHours(T0.time(), at(3600).time(), excepted=(parse_matcher("severity=critical"),))
    base = one_route(PAGER)
    router = Router(Notifications(base.channels, base.routes, quiet_hours=quiet))
    messages = messages_of(router, signal("errors"), signal("down", person="bob", severity="critical"), until=4000)
    assert summary(messages) == [(30, "new", ["down bob"], []), (3630, "new", ["errors ada"], [])]


def test_a_person_is_told_of_once_in_ten_minutes_across_all_patterns() -> None:
    router = Router(one_route(SLACK))
    messages = messages_of(
        router, signal("errors"), signal("stuck", after=60), signal("thrashing", after=2000), until=2400
    )
    assert summary(messages) == [
        (30, "new", ["errors ada"], []),
        (2130, "new", ["errors ada", "stuck ada", "thrashing ada"], []),
        (2130, "digest", ["stuck ada"], []),
    ]


def router_with_a_digest(quiet: QuietHours | None = None) -> Router:
    """It told of errors of Ada's, and holds back `stuck` until 2130 seconds after T0."""
    base = one_route(SLACK)
    router = Router(Notifications(base.channels, base.routes, quiet_hours=quiet or QuietHours()))
    messages_of(router, signal("errors"), signal("stuck", after=60), until=400)
    return router


def digests(router: Router, until: float = 3600) -> list[tuple[float, int]]:
    """When they are told, and of how many alerts."""
    messages = messages_of(router, until=until)
    return [((each.at - T0).total_seconds(), len(each.firing)) for each in messages if each.reason is Reason.DIGEST]


def test_a_digest_leaves_out_what_somebody_looks_after_or_is_over() -> None:
    router = router_with_a_digest()
    router.receive(acknowledged(router.alerts["stuck:ada:s1"], "grace", at(400)), at(400))
    assert digests(router) == []
    router = router_with_a_digest()
    ended, _ = after_signal(router.alerts["stuck:ada:s1"], signal("stuck", SignalState.RESOLVED, after=400))
    router.receive(ended, at(400))
    assert digests(router) == []


def test_a_digest_waits_while_its_alerts_are_silenced_or_the_hours_are_quiet() -> None:
    router = router_with_a_digest()
    router.silences = [Silence("1", (parse_matcher("pattern=stuck"),), at(500), at(3000), "grace")]
    assert digests(router, until=5000) == [(3930, 1)]
    router = router_with_a_digest(QuietHours(at(600).time(), at(3000).time()))
    assert digests(router, until=5000) == [(3930, 1)]


def test_a_digest_of_nobody_is_not_told() -> None:
    router = router_with_a_digest()
    for key in list(router.alerts):
        del router.alerts[key]
    router.groups.clear()
    assert digests(router) == []


def test_a_thousand_idle_people_are_a_few_messages_and_one_digest() -> None:
    router = Router(one_route(SLACK))
    messages = messages_of(router, *(signal("idle", person=f"p{number:04}") for number in range(1000)), until=3600)
    assert [message.reason for message in messages].count(Reason.NEW) == 10
    digest = messages[-1]
    assert (digest.reason, len(digest.firing), len(messages)) == (Reason.DIGEST, 990, 11)


def test_a_channel_that_groups_on_its_own_has_no_budget() -> None:
    messages = messages_of(Router(one_route(PAGER)), *(signal("idle", person=f"p{number}") for number in range(50)))
    assert len(messages) == 50


def test_the_channel_has_a_budget_beyond_those_of_patterns() -> None:
    base = one_route(SLACK)
    settings = Notifications(base.channels, base.routes, budgets={"channel": Budget(2, timedelta(hours=1))})
    messages = messages_of(
        Router(settings), *(signal(f"p{number}", person=f"p{number}") for number in range(5)), until=3000
    )
    assert [(message.reason, len(message.firing)) for message in messages] == [("new", 1), ("new", 1), ("digest", 3)]


def test_what_is_critical_is_never_beyond_a_budget() -> None:
    trifles = [signal("idle", person=f"p{number}", severity="info") for number in range(30)]
    outage = signal("errors", person="", session="", severity="critical", after=60)
    messages = messages_of(Router(one_route(SLACK)), *trifles, outage, until=120)
    assert [alert.pattern for alert in messages[-1].firing] == ["errors"]
    assert messages[-1].reason is Reason.NEW


def test_each_alert_can_be_a_message_of_its_own() -> None:
    settings = one_route(PAGER, timing=Timing(("...",)))
    assert len(messages_of(Router(settings), signal("errors"), signal("stuck"), until=60)) == 2


def test_routes_are_taken_in_order() -> None:
    settings = Notifications(
        {"pager": PAGER, "support": SLACK},
        (
            route("urgent", "severity=critical", channels=("pager",), goes_on=True),
            route("rest", channels=("support",)),
        ),
    )
    down, slow = signal("down", severity="critical"), signal("slow", person="bob")
    messages = messages_of(Router(settings), down, slow, until=60)
    assert sorted((message.channel, message.firing[0].pattern) for message in messages) == [
        ("pager", "down"),
        ("support", "down"),
        ("support", "slow"),
    ]


def test_after_a_pause_a_group_is_told_once() -> None:
    router = Router(one_route(PAGER))
    messages_of(router, signal("errors"), until=0)
    assert len(router.due(at(20 * 3600))) == 1


def test_nobody_is_told_of_what_is_pending() -> None:
    assert messages_of(Router(one_route(PAGER)), signal("errors", SignalState.PENDING)) == []


@pytest.mark.parametrize("text", ["tier", "=x", "tier=~(", "a b=c"])
def test_a_matcher_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(Exception, match=r"which alerts|regular expression"):
        parse_matcher(text)
