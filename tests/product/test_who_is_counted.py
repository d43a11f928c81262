"""Four visitors: one who identified, one with an e-mail that a server sent, a profile that nobody named, and one that
never had a profile. Every command counts all of them or the first two, and says whom."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ..conftest import Cli, slow_but
from ..server.capture_fixtures import Client
from .test_command_line import on

__all__ = ["on"]

WINDOW = ["--since", "2026-11-01", "--until", "2026-11-07"]
FIGURES: dict[str, Callable[[Any], int]] = {
    "funnel a a": lambda found: found["groups"][0]["steps"][0]["people"],
    "funnel a a --order unordered": lambda found: found["groups"][0]["steps"][0]["people"],
    "retention": lambda found: max(row["size"] for row in found["cells"]),
    "cohorts --target a": lambda found: found["curve"][0]["size"],
    "lifecycle": lambda found: max(row["new"] + row["resurrecting"] for row in found["rows"]),
    "stickiness": lambda found: found["rows"][0]["people"],
    "activity": lambda found: found["days"][1]["dau"],
    "activity --full": lambda found: found["activityMetrics"]["activityByDate"][1]["activeUsers"],
    "sessions": lambda found: found["now"]["sessions"],
    "journeys": lambda found: found["groups"][0]["people"],
    "features --event a --property $pathname": lambda found: found["features"][0]["people"],
    "churn --gone 2": lambda found: found["groups"][0]["lifetime"]["people"],
}


def send(client: Client) -> None:
    when = "2026-11-02T10:00:00Z"

    def event(name: str, who: str, **properties: Any) -> dict[str, Any]:
        own = {"$session_id": who, "$pathname": "/", **properties}
        return {"event": name, "distinct_id": who, "timestamp": when, "properties": own}

    nobody = {"$process_person_profile": False}
    client.batch(
        event("$identify", "member"),
        event("$set", "by_server", **{"$set": {"email": "b@x.example"}}),
        *(event(name, who) for who in ("member", "by_server", "unnamed") for name in ("a", "$pageview")),
        *(event(name, "passer_by", **nobody) for name in ("a", "$pageview")),
        historical_migration=True,
    )


@pytest.mark.parametrize("command", slow_but(["funnel a a", "lifecycle", "journeys"], FIGURES))
def test_everybody_or_who_is_identified(on: Cli, client: Client, command: str) -> None:
    send(client)
    for option, people, counted in ([], 4, "all"), (["--people", "identified"], 2, "identified"):
        said = on(*command.split(), *WINDOW, *option, "-f", "json")
        assert said.code in (0, 6), said.err  # --full has segments, which want Postgres
        found = json.loads(said.out)
        assert (FIGURES[command](found), found["counted"]) == (people, counted)
    if "--full" not in command:
        assert "identified people" in on(*command.split(), *WINDOW, "--people", "identified", "-f", "markdown").out


@pytest.mark.slow
def test_one_persons_document(on: Cli, client: Client) -> None:
    send(client)
    document = json.loads(on("activity", "--full", "--user", "b@x.example", *WINDOW, "-f", "json").out)
    assert (document["userId"], document["sessionAnalytics"]["totalSessions"]) == ("b@x.example", 1)


def test_reports_and_lists_say_who_was_counted(on: Cli, client: Client) -> None:
    send(client)
    steps = ["funnel", "a", "a", "--stopped-at", 2, *WINDOW]
    assert "everybody, anonymous visitors too" in on(*steps, "-f", "html").out
    assert "identified people" in on(*steps, "--people", "identified", "-f", "html").out


def test_the_workspace_says_who_counts(on: Cli, clean_env: pytest.MonkeyPatch, client: Client) -> None:
    send(client)
    clean_env.setenv("USERTRACK_PEOPLE", "identified")
    assert "· identified people ·" in on("stickiness", *WINDOW).out
    assert "· everybody, anonymous visitors too ·" in on("stickiness", *WINDOW, "--people", "all").out
    said = on("stickiness", "--people", "everyone")
    assert (said.code, said.out) == (2, "")
    assert "--people takes no 'everyone'" in said.err


def test_visitors_without_a_profile_are_in_the_match(on: Cli, client: Client) -> None:
    send(client)
    assert json.loads(on("match", "-f", "json").out)["match"]["anonymous"] == 3  # all but by_server's e-mail


def test_one_persons_activity(on: Cli, client: Client) -> None:
    send(client)
    for who in ("B@x.example", "by_server", "passer_by"):
        found = json.loads(on("activity", "--user", who, *WINDOW, "-f", "json").out)
        assert (found["user"], found["days"][1]["dau"], found["now"]["sessions"]) == (who, 1, 1)
    assert "· b@x.example alone ·" in on("activity", "--user", "b@x.example", *WINDOW).out
    said = on("activity", "--user", "stranger@x.example", *WINDOW)
    assert (said.code, said.out) == (2, "")
    assert "nobody with the e-mail or id 'stranger@x.example' did anything" in said.err
