"""Four visitors: one who identified, one with an e-mail that a server sent, a profile that nobody named, and one that
never had a profile. Every command counts all of them or the first two, and says whom; and who opted out, never."""

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
    "funnel a a": lambda document: document["groups"][0]["steps"][0]["people"],
    "funnel a a --order unordered": lambda document: document["groups"][0]["steps"][0]["people"],
    "retention": lambda document: max(row["size"] for row in document["cells"]),
    "cohorts --target a": lambda document: document["curve"][0]["size"],
    "lifecycle": lambda document: max(row["new"] + row["resurrecting"] for row in document["rows"]),
    "stickiness": lambda document: document["rows"][0]["people"],
    "trends --math dau": lambda document: document["lines"][0]["total"],
    "activity": lambda document: document["days"][1]["dau"],
    "activity --full": lambda document: document["activityMetrics"]["activityByDate"][1]["activeUsers"],
    "sessions": lambda document: document["now"]["sessions"],
    "journeys": lambda document: document["groups"][0]["people"],
    "features --event a --property $pathname": lambda document: document["features"][0]["people"],
    "churn --gone 2": lambda document: document["groups"][0]["lifetime"]["people"],
}


def send(client: Client) -> None:
    """What the four did, and a member who opted out."""
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
        event("$identify", "gone", **{"$set": {"$opt_out": "true"}}),
        *(event(name, "gone") for name in ("a", "$pageview")),
        historical_migration=True,
    )


@pytest.mark.parametrize("command", slow_but(["funnel a a", "lifecycle", "journeys"], FIGURES))
def test_everybody_or_who_is_identified(on: Cli, client: Client, command: str) -> None:
    send(client)
    for option, people, counted in ([], 4, "all"), (["--people", "identified"], 2, "identified"):
        result = on(*command.split(), *WINDOW, *option, "-f", "json")
        assert result.code in (0, 6), result.err  # --full has segments, which want Postgres
        document = json.loads(result.out)
        assert (FIGURES[command](document), document["counted"]) == (people, counted)
        assert "1 person has opted out, and is left out" in document["notes"]
    if "--full" not in command:
        assert "identified people" in on(*command.split(), *WINDOW, "--people", "identified", "-f", "markdown").out


@pytest.mark.slow
def test_one_persons_document(on: Cli, client: Client) -> None:
    send(client)
    document = json.loads(on("activity", "--full", "--user", "b@x.example", *WINDOW, "-f", "json").out)
    assert (document["userId"], document["sessionAnalytics"]["totalSessions"]) == ("b@x.example", 1)
    assert "no event 'user_signed_up' or 'signed_up' ever occurred" in "".join(document["notes"])


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
    result = on("stickiness", "--people", "everyone")
    assert (result.code, result.out) == (2, "")
    assert "--people takes no 'everyone'" in result.err


def test_visitors_without_a_profile_are_in_the_match(on: Cli, client: Client) -> None:
    send(client)
    assert json.loads(on("match", "-f", "json").out)["match"]["anonymous"] == 3  # all but by_server's e-mail


@pytest.mark.slow
def test_one_persons_activity(on: Cli, client: Client) -> None:
    send(client)
    for who in ("B@x.example", "by_server", "passer_by"):
        document = json.loads(on("activity", "--user", who, *WINDOW, "-f", "json").out)
        assert (document["user"], document["days"][1]["dau"], document["now"]["sessions"]) == (who, 1, 1)
    assert "· b@x.example alone ·" in on("activity", "--user", "b@x.example", *WINDOW).out
    result = on("activity", "--user", "stranger@x.example", *WINDOW)
    assert (result.code, result.out) == (2, "")
    assert "nobody with the e-mail or id 'stranger@x.example' did anything" in result.err
