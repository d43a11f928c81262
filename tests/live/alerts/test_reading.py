from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from usertrack.core.errors import UsageError
from usertrack.core.yaml_file import YamlFile
from usertrack.live.alerts.notifications import Budget, Channel, Notifications, QuietHours
from usertrack.live.alerts.reading import read_notifications


class PatternsFile(YamlFile):
    needs = "`patterns:`"
    hint = ""


def read(tmp_path: Path, text: str) -> Notifications:
    path = tmp_path / "patterns.yaml"
    path.write_text(text)
    return read_notifications(PatternsFile(path), {"errors": ["stuck"]})


SETTINGS = """
patterns: {}
notifications:
  group_by: [person, pattern]
  group_wait: 10s
  repeat_interval: 1h
  call_url: https://meet.example/{person}
  quiet_hours: {from: 20:00, to: "08:00", days: [sat, Sunday], timezone: Europe/Berlin, except: severity=critical}
  budgets: {person: 1 in 10m, pattern: off, channel: 30 in 1h}
  inhibit:
    - {source: pattern=outage, target: severity!=critical, equal: route}
  channels:
    support: {type: slack, channel: "#support"}
    hook: slack
    desk: {type: email, to: help@acme.example, from: usertrack@acme.example, server: smtp.acme.example}
    pager: pagerduty
  routes:
    - {match: severity=critical, channels: [pager, support], group_wait: 0s, continue: true}
    - {channels: support}
"""


def test_all_that_can_be_said(tmp_path: Path) -> None:
    settings = read(tmp_path, SETTINGS)
    assert settings.channels["support"] == Channel("support", "slack", True, "#support")
    assert not settings.channels["hook"].tells_resolved
    assert settings.channels["desk"].recipients == ("help@acme.example",)
    assert [(route.name, route.channels, route.timing.group_wait.seconds) for route in settings.routes] == [
        ("severity=critical", ("pager", "support"), 0),
        ("all", ("support",), 10),
    ]
    assert settings.routes[1].timing.repeat_interval == timedelta(hours=1)
    assert settings.budgets == {
        "person": Budget(1, timedelta(minutes=10)),
        "channel": Budget(30, timedelta(hours=1)),
    }
    assert [str(rule.source[0]) for rule in settings.inhibitions] == ["pattern=outage", "pattern=errors"]
    assert (settings.quiet_hours.start, settings.quiet_hours.end) == (time(20), time(8))


def test_a_file_that_says_nothing_tells_nobody(tmp_path: Path) -> None:
    assert read(tmp_path, "patterns: {}").routes == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("channels: {a: {type: slak}}", "3: the channel 'a' has no `type:` that there is"),
        ("chanels: {}", "3: unknown key 'chanels'"),
        ("routes: [{channels: [b]}]", "3: there is no channel 'b'"),
        ("group_wait: soon", "3: 'soon' is not an age"),
        ("budgets: {person: often}", "3: 'often' is no budget"),
        ("quiet_hours: {from: late, to: early}", "3: 'late' is not a time of day"),
        ("quiet_hours: {from: '20:00'}", "3: quiet hours have `from:` and `to:`"),
        ("quiet_hours: {timezone: Mars}", "3: there is no timezone 'Mars'"),
        ("call_url: javascript:alert(1)", "3: 'call_url' begins with https://"),
        ("call_url: https://meet.example/{user}", "3: 'call_url' has no value for {user}"),
        ("channels: {a: {type: email, to: [x], from: u@x.de}}", "3: 'x' is not an e-mail address"),
        ("inhibit: [{source: pattern=a}]", "3: an inhibition needs `source:` and `target:`"),
        ("routes: [{match: '=a', channels: []}]", "3: '=a' does not say which alerts are meant"),
    ],
)
def test_a_wrong_part_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        read(tmp_path, f"patterns: {{}}\nnotifications:\n  {text}\n")
    assert message in error.value.message


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        (datetime(2026, 11, 20, 19, tzinfo=UTC), "quiet"),  # Friday, 20:00 in Berlin
        (datetime(2026, 11, 20, 18, 59, tzinfo=UTC), "usual"),
        (datetime(2026, 11, 21, 12, tzinfo=UTC), "quiet"),  # Saturday
        (datetime(2026, 11, 23, 6, 59, tzinfo=UTC), "quiet"),
        (datetime(2026, 11, 23, 7, tzinfo=UTC), "usual"),
    ],
)
def test_quiet_hours_are_those_of_the_timezone(moment: datetime, hours: str) -> None:
    quiet_hours = QuietHours(time(20), time(8), frozenset({5, 6}), "Europe/Berlin")
    assert quiet_hours.include(moment) is (hours == "quiet")
