"""`usertrack alerts`: what people do with alerts, and what they are told when there is none."""

import json
import os
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.live.alerts.signals import signal
from tests.push.receiver import Answer, receiving
from usertrack.cli.alerts_watch import RunningPatterns
from usertrack.cli.watch_pane import WatchPane, shown
from usertrack.core.errors import UsageError
from usertrack.live.alerts.desk import Desk
from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.alerts.notifications import Notifications
from usertrack.live.alerts.store import AlertStore
from usertrack.live.alerts.watch_lock import WatchLock
from usertrack.workspace.settings import load_settings
from usertrack.workspace.state import state_folder

HOSTILE = "[red]Zoë[/red] 🎉 \x1b[2J<b>"


@pytest.fixture
def alerts(cli: Cli, tmp_path: Path) -> Cli:
    """The command line in a workspace with two open alerts."""
    (tmp_path / "usertrack.yaml").write_text("posthog: {project_id: 1}\n")
    now = datetime.now(UTC)
    with closing(AlertStore(state_folder(load_settings(), now))) as store:
        signals = [
            _signal("stuck", "p1", "dana@acme.example", "warning", now - timedelta(minutes=3)),
            _signal("errors", "p2", HOSTILE, "critical", now - timedelta(minutes=1)),
        ]
        Desk(store, Notifications()).receive(signals, now)
    return cli


def _signal(pattern: str, person: str, email: str, severity: str, at: datetime) -> Signal:
    facts = {"email": email, "page": "/billing", "events": 7}
    labels = {"pattern": pattern, "severity": severity}
    return Signal(
        pattern, person, "s", SignalState.FIRING, at, severity, f"{pattern} on /billing", facts, labels, ("e",)
    )


def test_nobody_needs_help_yet(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("posthog: {project_id: 1}\n")
    result = cli("alerts", "list")
    assert result.code == 0
    assert "no open alert" in result.out
    assert "usertrack alerts watch" in result.out


def test_the_most_severe_comes_first_and_hostile_names_are_text(alerts: Cli) -> None:
    result = alerts("alerts", "list")
    assert result.out.index("errors") < result.out.index("stuck")
    assert "[red]Zoë[/red]" in result.out
    assert "\x1b[2J" not in result.out
    listed = json.loads(alerts("alerts", "list", "--format", "json").out)["alerts"]
    assert [each["pattern"] for each in listed] == ["errors", "stuck"]


def test_acknowledged_snoozed_and_resolved_by_id_or_person(alerts: Cli) -> None:
    [first, second] = json.loads(alerts("alerts", "list", "-f", "json").out)["alerts"]
    assert alerts("alerts", "ack", "dana@acme.example", "--by", "kim", "--comment", "calling").code == 0
    assert alerts("alerts", "snooze", first["id"], "--for", "2h").code == 0
    states = {
        each["pattern"]: each["state"] for each in json.loads(alerts("alerts", "list", "-f", "json").out)["alerts"]
    }
    assert states == {"stuck": "acknowledged", "errors": "snoozed"}
    output = alerts("alerts", "show", second["id"]).out
    assert "kim" in output
    assert "calling" in output
    assert alerts("alerts", "resolve", second["id"]).code == 0
    assert alerts("alerts", "resolve", second["id"]).code == 2  # once is enough
    assert "1 open alert" in alerts("alerts", "list").out
    assert "resolved" in alerts("alerts", "list", "--all").out


def test_an_alert_says_what_its_pattern_looks_for(alerts: Cli) -> None:
    result = alerts("alerts", "show", HOSTILE)
    assert "error more than 3 times within 5 min" in result.out
    Path("patterns.yaml").write_text("patterns:\n  other: {when: {none: any, within: 1h}}\n")
    assert "looks for" not in alerts("alerts", "show", HOSTILE).out  # it is no more


def test_an_incident_is_listed_in_place_of_the_alerts_of_its_people(alerts: Cli) -> None:
    now = datetime.now(UTC)
    people = [signal("snag", person=f"p{number}", severity="info", fingerprint="E1") for number in range(3)]
    incident = signal("errors", person="", session="", severity="critical", fingerprint="E1", facts={"people": 3})
    with closing(AlertStore(state_folder(load_settings(), now))) as store:
        Desk(store, Notifications()).receive([replace(each, at=now) for each in (*people, incident)], now)
    listed = alerts("alerts", "list")
    assert "3 open alerts of 5 people" in listed.out
    assert "snag" not in listed.out
    assert "3 alerts of single people" in listed.err
    # the two of before, the incident, and its three people
    assert json.loads(alerts("alerts", "stats", "-f", "json").out)["unanswered"] == 6
    everything = json.loads(alerts("alerts", "list", "--all", "-f", "json").out)["alerts"]
    snag = next(each for each in everything if each["pattern"] == "snag")
    assert "part of the incident" in alerts("alerts", "show", snag["id"]).out


def test_an_alert_that_is_not_there_is_named_with_one_that_is(alerts: Cli) -> None:
    result = alerts("alerts", "ack", "dana@acme.exampel")
    assert result.code == 2
    assert "dana@acme.example" in result.err


def test_how_fast_people_are_helped(alerts: Cli) -> None:
    alerts("alerts", "ack", "dana@acme.example")
    answer = json.loads(alerts("alerts", "stats", "-f", "json").out)
    assert answer["fired"] == 2
    assert answer["unanswered"] == 1
    assert [each["ended"] for each in answer["times"]] == [2, 1, 0]


def test_two_watchers(alerts: Cli) -> None:
    now = datetime.now(UTC)
    with WatchLock(state_folder(load_settings(), now), now):
        result = alerts("alerts", "watch", "--rounds", 1)
    assert result.code == 3
    assert "watched already" in result.err


def test_live_commands_on_the_demo_say_how_to_begin(demo: Cli) -> None:
    result = demo("alerts", "watch", "--demo", "--rounds", 1)
    assert result.code == 3
    assert "usertrack serve --demo-traffic" in result.err


@pytest.mark.parametrize("every", ["0s", "soon", "2d"])
def test_a_pace_that_makes_no_sense(alerts: Cli, every: str) -> None:
    assert alerts("alerts", "watch", "--every", every).code == 2


def test_a_test_message_needs_a_channel(alerts: Cli) -> None:
    result = alerts("alerts", "test")
    assert result.code == 2
    assert "names no channels" in result.err


def test_a_test_message_arrives_or_the_channel_is_named(
    alerts: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = "patterns:\n  quiet: {when: {none: any, within: 1h}}\nnotifications:\n  channels: {slack: slack}\n"
    (tmp_path / "patterns.yaml").write_text(rules)
    assert "SLACK_WEBHOOK_URL" in alerts("alerts", "test").err
    with receiving(Answer(), Answer(404, "no_service")) as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", f"{slack.url}/services/T0/B0/secret")
        assert alerts("alerts", "test", "slack").code == 0
        assert "nobody needs help" in json.dumps(slack.bodies[0])
        revoked = alerts("alerts", "test")
    assert revoked.code == 5
    assert "secret" not in revoked.err


def test_patterns_that_somebody_breaks_while_they_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "patterns.yaml"
    path.write_text("patterns:\n  quiet: {when: {none: any, within: 1h}}\n")
    patterns = RunningPatterns(path)
    before = patterns.read()
    patterns.prove()
    assert not patterns.have_changed()
    path.unlink()  # as an editor does that renames its copy
    assert not patterns.have_changed()
    assert patterns.read() is before
    path.write_text("patterns:\n  quiet: {when: {none: any}}\n")
    os.utime(path, (1, 1))
    assert patterns.have_changed()
    assert patterns.read() is before
    assert not patterns.have_changed()
    told = capsys.readouterr().err
    assert "patterns.yaml:2" in told
    assert told.endswith("the previous patterns stay active until the file is mended\n")
    path.write_text("patterns:\n  quiet: {where: no_such_fact, when: {none: any, within: 1h}}\n")
    assert patterns.read() is not before
    assert patterns.refuse(UsageError("no fact 'no_such_fact'"))  # as the watcher does that asks for it
    assert patterns.read() is before
    assert not patterns.refuse(UsageError("no rule 'power'"))  # another file is to blame, and `watch` ends
    assert patterns.refusal == "no fact 'no_such_fact'"


def test_check_says_why_watch_would_not_start(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("posthog: {project_id: 1}\n")
    pattern = "patterns:\n  quiet: {when: {none: any, within: 1h}}\n"
    (tmp_path / "patterns.yaml").write_text(pattern + "notifications: {channels: {ops: slack}}\n")
    assert "does not start: the channel 'ops' needs slack.webhook_url" in " ".join(cli("check").out.split())


def test_what_is_seen_and_told_to_nobody_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    pane = WatchPane()
    for _ in range(2):
        pane.doubts(3, ["trial_quiet"], 60.0)
    output = " ".join(capsys.readouterr().err.split())
    assert output.count("trial_quiet holds for somebody") == 1
    assert output.count("events came later than by 60 min") == 1
    assert output.count("the clock of PostHog is ahead") == 1


def test_an_end_is_shown_only_where_its_start_was() -> None:
    begin, end = signal(person="ann"), signal(person="ann", state=SignalState.RESOLVED)
    other = signal(person="bob", state=SignalState.RESOLVED)
    assert shown([begin, end, other], set()) == [begin, end]
    assert shown([end, end, other], {other.key}) == [other]
