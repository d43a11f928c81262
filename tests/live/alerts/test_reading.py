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
    return read_notifications(PatternsFile(path))


SETTINGS = """
patterns:
  errors: {channels: [pager, support]}
  idle: {channels: []}
notifications:
  call_url: https://meet.example/{person}
  quiet_hours: {from: 20:00, to: "08:00", days: [sat, Sunday], timezone: Europe/Berlin, except: critical}
  budgets: {person: 1 in 10m, pattern: off, channel: 30 in 1h}
  digest: 1h
  channels:
    support: {type: slack, channel: "#support"}
    hook: slack
    desk: {type: email, to: help@acme.example, from: usertrack@acme.example, server: smtp.acme.example}
    pager: {type: pagerduty, severity: critical}
"""


def test_all_that_can_be_said(tmp_path: Path) -> None:
    settings = read(tmp_path, SETTINGS)
    assert settings.channels["support"] == Channel("support", "slack", True, "#support")
    assert not settings.channels["hook"].tells_resolved
    assert settings.channels["desk"].recipients == ("help@acme.example",)
    assert settings.channels["pager"].severity == "critical"
    assert settings.channels_of == {"errors": ("pager", "support"), "idle": ()}
    assert (settings.digest_every, settings.quiet_hours.excepted) == (timedelta(hours=1), "critical")
    assert settings.budgets == {
        "person": Budget(1, timedelta(minutes=10)),
        "channel": Budget(30, timedelta(hours=1)),
    }
    assert (settings.quiet_hours.start, settings.quiet_hours.end) == (time(20), time(8))


def test_a_file_that_says_nothing_tells_nobody(tmp_path: Path) -> None:
    assert read(tmp_path, "patterns: {}").channels == {}


@pytest.mark.parametrize("name", ["routes", "inhibit", "group_by", "group_wait", "group_interval", "repeat_interval"])
def test_a_setting_that_is_no_more_is_told_with_what_replaces_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"3: there is no setting '{name}' any more") as error:
        read(tmp_path, f"patterns: {{}}\nnotifications:\n  {name}: [x]\n")
    assert error.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("channels: {a: {type: slak}}", "3: the channel 'a' has no `type:` that there is"),
        ("chanels: {}", "3: unknown key 'chanels'"),
        ("digest: soon", "3: 'soon' is not an age"),
        ("channels: {a: {type: slack, severity: high}}", "3: 'high' is no severity"),
        ("quiet_hours: {except: severity=critical}", "3: 'severity=critical' is no severity"),
        ("budgets: {person: often}", "3: 'often' is no budget"),
        ("quiet_hours: {from: late, to: early}", "3: 'late' is not a time of day"),
        ("quiet_hours: {from: '20:00'}", "3: quiet hours have `from:` and `to:`"),
        ("quiet_hours: {timezone: Mars}", "3: there is no timezone 'Mars'"),
        ("call_url: javascript:alert(1)", "3: 'call_url' begins with https://"),
        ("call_url: https://meet.example/{user}", "3: 'call_url' has no value for {user}"),
        ("channels: {a: {type: email, to: [x], from: u@x.de}}", "3: 'x' is not an e-mail address"),
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
