"""Declared properties follow their facts: PostHog is told what is different, and how stale each is can be seen."""

from typing import Any

import psycopg
import pytest

import usertrack_track as track
from tests.track.conftest import Configure, problem
from tests.track.posthog_server import PostHogServer

TEAMS: dict[str, int] = {}


@pytest.fixture(params=["postgres", "memory"], autouse=True)
def anywhere(request: pytest.FixtureRequest, configure: Configure, db: "psycopg.Connection[Any]") -> None:
    configure() if request.param == "postgres" else configure(database_url=None)
    TEAMS.clear()

    @track.person_property(refreshed_by="team_member_joined")
    def teams_count(distinct_id: str) -> int:
        return TEAMS[distinct_id]

    @track.person_property(refreshed_by=["team_member_joined"], name="role")
    def role_of(distinct_id: str) -> str:
        return "admin" if distinct_id == "ada" else "member"

    @track.group_property("team", refreshed_by=["repo_added"], key="team_slug")
    def repos_tracked(slug: str) -> int:
        return 3


def profiles_sent(server: PostHogServer, name: str = "$identify", key: str = "$set") -> list[Any]:
    return [(event["distinct_id"], event["properties"][key]) for event in server.named(name)]


def test_an_event_refreshes_what_rests_on_it(server: PostHogServer) -> None:
    TEAMS["ada"] = 1
    track.track("ada", "team_member_joined")
    track.track("ada", "something_else")
    assert track.flush()
    assert profiles_sent(server) == [("ada", {"teams_count": 1, "role": "admin"})]


def test_only_what_is_different_is_told(server: PostHogServer) -> None:
    for teams in (1, 1, 2):
        TEAMS["ada"] = teams
        track.track("ada", "team_member_joined")
        assert track.flush()
    assert profiles_sent(server) == [("ada", {"teams_count": 1, "role": "admin"}), ("ada", {"teams_count": 2})]


def test_groups_are_known_by_groups_or_by_a_property(server: PostHogServer) -> None:
    track.track("ada", "repo_added", {"team_slug": "acme"})
    track.track("ada", "repo_added", groups={"team": "globex"})
    track.track("ada", "repo_added")
    assert track.flush()
    assert profiles_sent(server, "$groupidentify", "$group_set") == [
        ("$team_acme", {"repos_tracked": 3}),
        ("$team_globex", {"repos_tracked": 3}),
    ]


def test_staleness_and_what_fails(server: PostHogServer, caplog: pytest.LogCaptureFixture) -> None:
    track.track("ada", "team_member_joined")
    before = {fact.name: fact for fact in track.staleness()}
    assert (before["role"].holders, before["role"].due, before["role"].oldest) == (0, 1, None)
    assert before["role"].due_since is not None
    assert before["repos_tracked"].group_type == "team"
    assert track.flush()
    after = {fact.name: fact for fact in track.staleness()}
    assert profiles_sent(server) == [("ada", {"role": "admin"})]
    assert (after["role"].holders, after["role"].due, after["role"].failing) == (1, 0, 0)
    assert after["role"].oldest is not None
    assert after["teams_count"].failing == 1
    assert "the property teams_count cannot be computed (KeyError)" in caplog.text
    TEAMS["ada"] = 4
    track.refresh("ada", "bob")
    assert track.flush()
    assert profiles_sent(server)[1:] == [("ada", {"teams_count": 4}), ("bob", {"role": "member"})]


def test_one_name_is_declared_once() -> None:
    def twice() -> None:
        @track.person_property(refreshed_by="x", name="role")
        def another(distinct_id: str) -> str:
            return ""

    assert problem(twice).message == "the property role is declared twice"


def test_the_worker_leaves_what_it_does_not_know(
    configure: Configure, db: "psycopg.Connection[Any]", monkeypatch: pytest.MonkeyPatch, server: PostHogServer
) -> None:
    configure()
    TEAMS["ada"] = 1
    track.track("ada", "team_member_joined")
    with monkeypatch.context() as patch:
        patch.setattr("usertrack_track.declared.DECLARATIONS._declared", {})
        assert track.flush()
    assert profiles_sent(server) == []
    assert track.flush()
    assert len(profiles_sent(server)) == 1
