"""The commands of product analytics on a server of their own: what they take from the project, and what is wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from usertrack.server.store import Store

from ..conftest import Cli, Said
from ..server.capture_fixtures import SETTINGS, AppThread, Client


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
