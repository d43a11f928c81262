from dataclasses import replace
from datetime import timedelta

from tests.live.alerts.signals import T0, at, signal, told_to
from usertrack.live.alerts.life import acknowledged, after_signal, snoozed
from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.alerts.notifications import Budget, Channel, Notifications, QuietHours
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


def test_alerts_of_a_person_meet_in_one_message() -> None:
    messages = messages_of(Router(told_to(PAGER)), signal("errors"), signal("stuck", after=2), until=60)
    assert summary(messages) == [(3, "new", ["errors ada", "stuck ada"], [])]


def test_what_ends_before_anybody_was_told_is_not_told() -> None:
    messages = messages_of(Router(told_to(PAGER)), signal("errors"), signal("errors", SignalState.RESOLVED, after=2))
    assert messages == []


def test_messages_about_a_person_are_five_minutes_apart() -> None:
    steps = signal("errors"), signal("stuck", after=60), signal("errors", SignalState.RESOLVED, after=100)
    assert summary(messages_of(Router(told_to(PAGER)), *steps)) == [
        (3, "new", ["errors ada"], []),
        (303, "new", ["stuck ada"], ["errors ada"]),
    ]


def test_what_stays_is_told_once_and_its_end() -> None:
    end = signal("errors", SignalState.RESOLVED, after=9 * 3600)
    messages = messages_of(Router(told_to(PAGER)), signal("errors"), end, until=10 * 3600)
    assert summary(messages) == [(3, "new", ["errors ada"], []), (9 * 3600 + 3, "resolved", [], ["errors ada"])]


def test_what_fires_again_is_news_again_once_its_end_was_told() -> None:
    steps = [
        signal("errors", state, after=after)
        for state, after in zip([SignalState.FIRING, SignalState.RESOLVED] * 2, (0, 60, 100, 900), strict=True)
    ]
    again = signal("errors", after=2000)
    messages = messages_of(Router(told_to(PAGER)), *steps, again)
    assert [(second, reason) for second, reason, *_ in summary(messages)] == [
        (3, "new"),
        (903, "resolved"),
        (2003, "new"),
    ]


def test_the_end_of_what_is_acknowledged_is_told() -> None:
    router = Router(told_to(PAGER))
    messages_of(router, signal("errors"), until=60)
    router.receive(acknowledged(router.alerts["errors:ada:s1"], "grace", at(60)), at(60))
    messages = messages_of(router, signal("errors", SignalState.RESOLVED, after=9 * 3600), until=10 * 3600)
    assert [message.reason for message in messages] == [Reason.RESOLVED]


def test_what_is_snoozed_is_told_again_when_the_snooze_is_over() -> None:
    router = Router(told_to(PAGER))
    messages_of(router, signal("errors"), until=60)
    router.receive(snoozed(router.alerts["errors:ada:s1"], "grace", at(1200)), at(60))
    assert summary(messages_of(router, until=3600)) == [(1200, "new", ["errors ada"], [])]


def test_another_alert_does_not_wait_for_a_snooze() -> None:
    router = Router(told_to(PAGER))
    messages_of(router, signal("errors"), until=60)
    router.receive(snoozed(router.alerts["errors:ada:s1"], "grace", at(3000)), at(60))
    messages = messages_of(router, signal("stuck", after=1000))
    assert summary(messages) == [(1003, "new", ["stuck ada"], []), (3000, "new", ["errors ada"], [])]


def test_the_end_of_what_is_snoozed_is_told() -> None:
    router = Router(told_to(PAGER))
    messages_of(router, signal("errors"), until=60)
    router.receive(snoozed(router.alerts["errors:ada:s1"], "grace", at(90_000)), at(60))
    messages = messages_of(router, signal("errors", SignalState.RESOLVED, after=400))
    assert summary(messages) == [(403, "resolved", [], ["errors ada"])]


def test_an_incident_takes_the_place_of_the_alerts_of_its_people() -> None:
    people = [signal("errors", person=f"p{number}", fingerprint="E1") for number in range(9)]
    incident = signal("errors", person="", session="", fingerprint="E1", after=1)
    messages = messages_of(Router(told_to(PAGER)), *people, incident, until=60)
    assert summary(messages) == [(4, "new", ["errors "], [])]


def test_an_incident_stands_for_lesser_alerts_of_the_same_error_also_after_it() -> None:
    people = [signal("snag", severity="info", person=f"p{number}", fingerprint="E1") for number in range(9)]
    other = signal("snag", severity="info", person="bob", fingerprint="E2")
    incident = signal("errors", person="", session="", severity="critical", fingerprint="E1", after=1)
    later = signal("snag", severity="info", person="late", fingerprint="E1", after=40)
    resolved = signal("errors", SignalState.RESOLVED, person="", session="", fingerprint="E1", after=60)
    ends = [replace(end, state=SignalState.RESOLVED, at=at(900)) for end in people]
    messages = messages_of(Router(told_to(PAGER)), *people, other, incident, later, resolved, *ends, until=2000)
    assert summary(messages) == [
        (3, "new", ["snag bob"], []),
        (4, "new", ["errors "], []),
        (304, "resolved", [], ["errors "]),
    ]


def test_the_end_of_what_was_told_before_its_incident_is_told() -> None:
    snag = signal("snag", fingerprint="E1")
    incident = signal("errors", person="", session="", severity="critical", fingerprint="E1", after=100)
    end = signal("snag", SignalState.RESOLVED, fingerprint="E1", after=400)
    messages = messages_of(Router(told_to(PAGER)), snag, incident, end, until=1000)
    assert summary(messages) == [
        (3, "new", ["snag ada"], []),
        (103, "new", ["errors "], []),
        (403, "resolved", [], ["snag ada"]),
    ]


def test_a_release_with_many_errors_is_a_message_in_five_minutes() -> None:
    incidents = [
        signal("errors", person="", session="", fingerprint=f"E{n}", severity="critical", after=n) for n in range(200)
    ]
    incidents = [replace(incident, value=str(number)) for number, incident in enumerate(incidents)]
    messages = messages_of(Router(told_to(SLACK)), *incidents)
    assert [len(message.firing) for message in messages] == [4, 196]


def test_quiet_hours_wait_with_all_but_what_is_critical() -> None:
    quiet = QuietHours(T0.time(), at(3600).time(), excepted="critical")
    router = Router(Notifications(told_to(PAGER).channels, quiet_hours=quiet))
    messages = messages_of(router, signal("errors"), signal("down", person="bob", severity="critical"), until=4000)
    assert summary(messages) == [(3, "new", ["down bob"], []), (3603, "new", ["errors ada"], [])]


def test_a_person_is_told_of_once_in_ten_minutes_across_all_patterns() -> None:
    router = Router(told_to(SLACK))
    messages = messages_of(
        router, signal("errors"), signal("stuck", after=60), signal("thrashing", after=2000), until=2400
    )
    assert summary(messages) == [
        (3, "new", ["errors ada"], []),
        (1503, "digest", ["stuck ada"], []),
        (2003, "new", ["thrashing ada"], []),
    ]


def test_what_is_less_urgent_comes_in_the_digest_of_people_and_at_once_elsewhere() -> None:
    router = Router(told_to(SLACK, PAGER))
    messages = messages_of(router, *(signal("idle", person=f"p{n}", severity="info", after=n) for n in range(3)))
    assert [(message.channel, message.reason, len(message.firing)) for message in messages] == [
        *[("pager", Reason.NEW, 1)] * 3,
        ("support", Reason.DIGEST, 3),
    ]


def router_with_a_digest(quiet: QuietHours | None = None) -> Router:
    """It told of errors of Ada's, and holds back `stuck` until 1503 seconds after T0."""
    router = Router(Notifications(told_to(SLACK).channels, quiet_hours=quiet or QuietHours()))
    messages_of(router, signal("errors"), signal("stuck", after=60), until=400)
    return router


def digests(router: Router, until: float = 3600) -> list[tuple[float, int]]:
    """When they are told, and of how many alerts."""
    messages = messages_of(router, until=until)
    return [
        ((message.at - T0).total_seconds(), len(message.firing))
        for message in messages
        if message.reason is Reason.DIGEST
    ]


def test_a_digest_leaves_out_what_somebody_looks_after_or_is_over() -> None:
    router = router_with_a_digest()
    router.receive(acknowledged(router.alerts["stuck:ada:s1"], "grace", at(400)), at(400))
    assert digests(router) == []
    router = router_with_a_digest()
    ended, _ = after_signal(router.alerts["stuck:ada:s1"], signal("stuck", SignalState.RESOLVED, after=400))
    router.receive(ended, at(400))
    assert digests(router) == []


def test_a_digest_waits_while_its_alerts_are_snoozed_or_the_hours_are_quiet() -> None:
    router = router_with_a_digest()
    router.receive(snoozed(router.alerts["stuck:ada:s1"], "grace", at(2000)), at(500))
    assert digests(router, until=5000) == [(2703, 1)]
    router = router_with_a_digest(QuietHours(at(600).time(), at(2000).time()))
    assert digests(router, until=5000) == [(2703, 1)]


def test_a_digest_of_nobody_is_not_told() -> None:
    router = router_with_a_digest()
    router.alerts.clear()
    assert digests(router) == []


def test_a_thousand_idle_people_are_a_few_messages_and_one_digest() -> None:
    router = Router(told_to(SLACK))
    messages = messages_of(router, *(signal("idle", person=f"p{number:04}") for number in range(1000)), until=3600)
    assert [message.reason for message in messages].count(Reason.NEW) == 10
    digest = messages[-1]
    assert (digest.reason, len(digest.firing), len(messages)) == (Reason.DIGEST, 990, 11)


def test_a_channel_that_limits_on_its_own_has_no_budget() -> None:
    messages = messages_of(Router(told_to(PAGER)), *(signal("idle", person=f"p{number}") for number in range(50)))
    assert len(messages) == 50


def test_the_channel_has_a_budget_beyond_those_of_patterns() -> None:
    settings = Notifications(told_to(SLACK).channels, budgets={"channel": Budget(2, timedelta(hours=1))})
    messages = messages_of(
        Router(settings), *(signal(f"p{number}", person=f"p{number}") for number in range(5)), until=3000
    )
    assert [(message.reason, len(message.firing)) for message in messages] == [("new", 1), ("new", 1), ("digest", 3)]


def test_what_is_critical_is_never_beyond_a_budget() -> None:
    trifles = [signal("idle", person=f"p{number}") for number in range(30)]
    outage = signal("errors", person="", session="", severity="critical", after=60)
    messages = messages_of(Router(told_to(SLACK)), *trifles, outage, until=120)
    assert [alert.pattern for alert in messages[-1].firing] == ["errors"]
    assert messages[-1].reason is Reason.NEW


def test_a_pattern_names_its_channels_and_a_channel_how_urgent_it_wants_them() -> None:
    pager, support, team = replace(PAGER, severity="critical"), SLACK, Channel("team", "webhook")
    channels = {channel.name: channel for channel in (pager, support, team)}
    settings = Notifications(channels, channels_of={"errors": ("pager", "support"), "idle": ()})
    steps = (
        signal("errors"),
        signal("errors", person="bob", severity="critical"),
        signal("idle"),
        signal("slow", person="cy"),
    )
    assert sorted(
        (message.firing[0].pattern, message.person, message.channel)
        for message in messages_of(Router(settings), *steps)
    ) == [
        ("errors", "ada", "support"),
        ("errors", "bob", "pager"),
        ("errors", "bob", "support"),
        ("slow", "cy", "support"),
        ("slow", "cy", "team"),
    ]


def test_after_a_pause_a_person_is_told_of_once() -> None:
    router = Router(told_to(PAGER))
    messages_of(router, signal("errors"), until=0)
    assert len(router.due(at(20 * 3600))) == 1


def test_nobody_is_told_of_what_is_pending() -> None:
    assert messages_of(Router(told_to(PAGER)), signal("errors", SignalState.PENDING)) == []
