"""Events are held against the plan: told once and sent all the same, or refused where the plan is enforced."""

from pathlib import Path

import pytest

import usertrack_track as track
from tests.track.conftest import Configure, problem
from tests.track.posthog_server import PostHogServer
from usertrack.core.errors import UsertrackError
from usertrack.plan.conform import Violation

PLAN = """
properties:
  format: {type: string, values: [csv, xlsx]}
events:
  report_exported: {properties: [format], required: [format]}
person_properties:
  role: {type: string}
group_properties:
  team: {plan: {type: string, values: [trial, pro]}}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    (tmp_path / "tracking.yaml").write_text(PLAN)
    return tmp_path / "tracking.yaml"


def test_it_is_sent_told_once_and_counted(
    plan: Path, configure: Configure, server: PostHogServer, caplog: pytest.LogCaptureFixture
) -> None:
    configure(database_url=None, plan=str(plan))
    caplog.clear()
    for _ in range(3):
        track.track("ada", "report_exported", {"format": "ada@x.example"})
    track.track("ada", "reprot_exported")
    track.track("ada", "report_exported", {"format": "csv"})
    track.identify("ada", {"role": 7})
    track.group_identify("team", "acme", {"plan": "starter"})
    assert track.flush()
    assert len(server.received) == 7
    assert [text for text in messages(caplog) if "sent all the same" in text] == [
        "report_exported: format: the value is not in the plan's list; it is sent all the same",
        "reprot_exported: the plan has no event of this name; it is sent all the same",
        "$identify: role of a person: the value is not of the type that the plan says; it is sent all the same",
        "$groupidentify: plan of a group: the value is not in the plan's list; it is sent all the same",
    ]
    assert track.violations() == {
        Violation("unlisted-value", "report_exported", "format"): 3,
        Violation("unplanned-event", "reprot_exported"): 1,
        Violation("wrong-type", "$identify", "role", "person"): 1,
        Violation("unlisted-value", "$groupidentify", "plan", "group"): 1,
    }


@pytest.mark.parametrize("where", ["configure", "plan", "environment"])
def test_enforced_it_raises_and_stores_nothing(
    where: str, plan: Path, configure: Configure, server: PostHogServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "plan":
        plan.write_text(PLAN + "enforce: true\n")
    if where == "environment":
        monkeypatch.setenv("USERTRACK_ENFORCE", "1")
        monkeypatch.setenv("USERTRACK_PLAN", str(plan))
    options = {"configure": {"plan": plan, "enforce": True}, "plan": {"plan": plan}, "environment": {}}
    configure(database_url=None, **options[where])
    error = problem(lambda: track.track("ada", "report_exported"))
    assert type(error) is track.NotAsPlanned
    assert error.message == "report_exported: format: the plan requires this property"
    both = problem(lambda: track.track("ada", "report_exported", {"color": "red"})).message
    assert "format: the plan requires" in both
    assert "color: the plan has no such property" in both
    track.track("ada", "report_exported", {"format": "csv"})
    assert track.flush()
    assert len(server.received) == 1


def test_a_plan_that_cannot_be_read_stops_no_event(
    plan: Path, configure: Configure, server: PostHogServer, caplog: pytest.LogCaptureFixture
) -> None:
    plan.write_text("events: [")
    configure(database_url=None, plan=plan)
    track.track("ada", "seen")
    track.track("ada", "seen")
    assert track.flush()
    assert len(server.received) == 2
    assert caplog.text.count("events are not held against the plan") == 1
    configure(database_url=None, plan=plan, enforce=True)
    with pytest.raises(UsertrackError, match=r"tracking\.yaml"):
        track.track("ada", "seen")


def test_names_without_end_are_not_all_kept(plan: Path, configure: Configure) -> None:
    configure(database_url=None, plan=plan)
    for number in range(1_200):
        track.current().watch.check(f"order_{number}", {})
    assert len(track.violations()) == 1_000


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]
