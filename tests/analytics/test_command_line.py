"""The commands of product analytics on a server of their own: what they take from the project, and what is wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from usertrack.server.store import Store

from ..conftest import Cli, Said
from ..server.capture_fixtures import SETTINGS, AppThread, Client
from .logs import capture


@pytest.fixture
def on(cli: Cli, clean_env: pytest.MonkeyPatch, client: Client) -> Callable[..., Said]:
    """`usertrack` on the store, which a server of its own serves."""
    clean_env.setenv("POSTHOG_HOST", str(client.http.base_url))
    clean_env.setenv("POSTHOG_PROJECT_ID", "1")
    clean_env.setenv("POSTHOG_PERSONAL_API_KEY", SETTINGS.personal_api_key)
    return cli


@pytest.mark.parametrize(("day", "first"), [(None, "2 Nov"), (0, "1 Nov"), (1, "2 Nov")])
def test_weeks_start_as_in_posthogs_project(
    on: Cli, clean_env: pytest.MonkeyPatch, store: Store, day: int | None, first: str
) -> None:
    with AppThread(store, replace(SETTINGS, week_start_day=day)) as server:
        clean_env.setenv("POSTHOG_HOST", server.url)
        said = on("lifecycle", "--since", "2026-11-04", "--until", "2026-11-10")
    assert said.code == 0, said.err
    assert f" {first} " in said.out


LINES = [f"p{n} | a | 2026-11-02 00:00:00 | plan=plan{n}" for n in range(12)]
SINCE = ["--since", "2026-11-01", "--until", "2026-11-07"]
BROKEN_DOWN = [
    ["funnel", "a", "a"],
    ["funnel", "a", "a", "--order", "unordered"],
    ["retention"],
    ["lifecycle"],
    ["stickiness"],
]


@pytest.mark.parametrize("command", [*BROKEN_DOWN, ["activity"]])
def test_a_property_that_nothing_has(on: Cli, client: Client, command: list[str]) -> None:
    capture(client, LINES)
    said = on(*command, *SINCE, "--breakdown", "plann")
    assert (said.code, said.out) == (2, "")
    assert "no event in this time has a property 'plann'" in said.err
    assert "did you mean 'plan'?" in said.err
    assert "no person in this time has a property 'plan'" in on(*command, *SINCE, "--breakdown", "person.plan").err


@pytest.mark.parametrize("command", BROKEN_DOWN)
def test_all_others_say_how_many_they_are(on: Cli, client: Client, command: list[str]) -> None:
    capture(client, [*LINES, "none | a | 2026-11-02 00:00:00"])
    said = on(*command, *SINCE, "--breakdown", "plan", "--top", 3)
    assert said.code == 0, said.err
    assert "all others: 9 more values of plan" in said.out + said.err


@pytest.mark.parametrize("command", ["retention", "cohorts", "lifecycle", "stickiness", "funnel a b"])
@pytest.mark.parametrize(
    "condition",
    [
        "1 = 1) UNION ALL (SELECT 1",
        "event IN (SELECT event FROM events)",
        "true; DROP TABLE events",
        "true -- ",
        "{internal}",
        "properties.plan = 'a' LIMIT 1",
    ],
)
def test_a_condition_smuggles_nothing_in(on: Cli, command: str, condition: str) -> None:
    said = on(*command.split(), "--where", condition)
    assert (said.code, said.out) == (2, "")
    assert "is not a condition" in said.err


def test_an_event_that_never_occurred(on: Cli, client: Client) -> None:
    capture(client, LINES)
    for command in ("retention --target aa", "cohorts --target aa", "lifecycle --event aa", "stickiness --event aa"):
        said = on(*command.split())
        assert (said.code, said.out) == (2, "")
        assert "no event 'aa' ever occurred" in said.err


def test_nothing_at_all_is_said_and_is_no_error(on: Cli, client: Client) -> None:
    capture(client, ["p | a | 2020-01-01 00:00:00", "p | b | 2020-01-01 00:00:00"])
    for command in (
        "retention --target a",
        "cohorts --target a",
        "lifecycle --event a",
        "stickiness --event a",
        "funnel a b",
    ):
        said = on(*command.split(), *SINCE)
        assert said.code == 0, said.err
        assert "nobody" in said.err + said.out
        assert "nan" not in said.out.lower()
