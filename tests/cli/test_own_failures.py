"""Whose failures they are, on the tables of a company of its own: one cause and owner wherever a person is shown."""

from collections.abc import Iterator

import pytest

from ..conftest import Cli, document_of
from ..people import ago
from ..studio import Studio, at_work

FALSE = "False credit check (the account has credits)"


def members() -> Studio:
    """Each has failed exports of one kind."""
    studio = Studio()
    for name, minutes, problem in (
        ("rich", 22, "Insufficient credits"),
        ("poor", 0, "Insufficient credits"),
        ("short", 3, "Not enough credits: needs 5"),
        ("unset", 50, "Missing environment variable renderKey"),
        ("killed", 50, "ffmpeg: returncode=137"),
        ("crowd", 50, "too many sandboxes"),
    ):
        studio.export(studio.member(name, minutes=minutes), "broken", 8, 6, problem)
    caller = studio.member("caller", exports=2)
    studio.call(caller, "render", 3, "Error 500")
    studio.call(caller, "publish", 3, "Error 500", vendor="youtube")
    varied = studio.member("varied")
    for number, word in enumerate(("blue", "green", "red", "grey", "pink", "black")):  # each in words of its own
        studio.export(varied, "broken", 1, number, f"{word} frames")
    studio.export(studio.member("silent"), "broken", 8, 3, " \n")
    ana, ben, cy = (studio.member(name, minutes=100, joined=9) for name in ("ana", "ben", "cy"))
    for email, clicks in ((ana, 9), (ben, 1), (cy, 4)):
        studio.event(studio.person(email), "mcp_connect_clicked", ago(2), clicks, template_name="Premiere")
    studio.call(ana, "trim", 1)
    studio.call(ana, "upload", 2, vendor="youtube")
    studio.export(cy, "done", 2, 4)
    studio.export(studio.member("regular"), "done", 30, 60)
    waiting = studio.member("waiting")
    studio.export(waiting, "broken", 2, 3, "no codec")
    for state in ("queued", "stopped"):
        studio.export(waiting, state, 9, 3)
    browser = studio.person("rich@films.example")
    for days in (100, 6, 7, 1):
        studio.event(browser, "$exception", ago(days), **{"p_$exception_message": "no codec"})
    return studio


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with at_work(members(), tmp_path_factory.mktemp("studio")) as opened:
        yield opened


@pytest.fixture
def studio(cli: Cli, clean_env: pytest.MonkeyPatch, environment: dict[str, str]) -> Cli:
    for name, value in environment.items():
        clean_env.setenv(name, value)
    return cli


CAUSES = {
    "rich": f"{FALSE} · Platform",
    "poor": "Insufficient credits (the account has 0)",
    "short": "Not enough credits: needs <n> (the account has <too few>)",
    "unset": "Missing env var renderKey · Platform",
    "killed": "OOM kill (rc=137) · Platform",
    "crowd": "No room for another run (sandbox) · Platform",
    "varied": None,
    "silent": None,
}


@pytest.mark.slow
def test_a_persons_line_has_the_cause_and_its_owner(studio: Cli) -> None:
    answer = document_of(studio, "segments", "failing")
    line = {user["email"].partition("@")[0]: user["profile"]["top_failure"] for user in answer["users"]}
    assert {name: line.get(name) for name in CAUSES} == CAUSES
    because = {user["email"].partition("@")[0]: user["because"][0] for user in answer["users"]}
    assert f"most often with “{FALSE} · Platform”" in because["rich"]
    assert "most often" not in because["varied"] + because["silent"]


@pytest.mark.slow
def test_every_place_names_the_same_cause(studio: Cli) -> None:
    [listed] = document_of(studio, "failures", "--user", "rich@films.example")["fingerprints"]
    assert (listed["label"], listed["owner"]) == (FALSE, "Platform")
    [run] = document_of(studio, "user", "rich@films.example")["runs"]
    assert (run["cause"], run["owner"]) == (FALSE, "Platform")
    for command in (
        ("explain", "rich@films.example"),
        ("push", "failing", "--to", "csv", "--dry-run"),
        ("report", "segment", "failing", "-f", "markdown"),
        ("report", "weekly", "--full", "-f", "markdown"),
        ("user", "rich@films.example"),
    ):
        said = " ".join(studio(*command).out.replace("\\", "").split())
        assert f"{FALSE} · Platform" in said, (command, said)


@pytest.mark.slow
def test_an_error_of_an_own_tool_is_nobody_elses(studio: Cli) -> None:
    causes = {
        row["tool"]: (row["cause"], row["owner"])
        for row in document_of(studio, "user", "caller@films.example")["tool_failures"]
    }
    assert causes == {"render": ("500 of our own render", "Platform"), "publish": ("Youtube 500", "Mixed")}


def test_errors_are_those_up_to_the_moment_and_first_seen_when_they_began(studio: Cli) -> None:
    [error] = document_of(studio, "errors", "--as-of", "2026-11-15")["rows"]
    assert (error["message"], error["occurrences"], error["first_seen"][:10]) == ("no codec", 2, "2026-08-12")
    assert error["last_seen"][:10] == "2026-11-14"


def test_reasons_say_how_long_ago_and_what_is_used_already(studio: Cli) -> None:
    users = document_of(studio, "segments")["users"]
    reasons = {user["email"].partition("@")[0]: user["because"][0] for user in users}
    assert reasons["regular"] == "ran 30× ever, last 60 d ago, 50 minutes left"
    assert "8 of 8 finished exports ever failed, last 6 d ago, most often" in reasons["killed"]
    held = "still holds all 100 minutes"
    assert reasons["ana"] == f"clicked connect 9× (Premiere), {held}; already used trim, youtube; signed up 9 d ago"
    assert reasons["ben"] == f"clicked connect 1× (Premiere), {held}; signed up 9 d ago"
    assert reasons["cy"] == f"clicked connect 4× (Premiere), {held}; already ran an export 2×; signed up 9 d ago"


def test_who_has_used_nothing_goes_first(studio: Cli) -> None:
    users = document_of(studio, "segments", "high_intent")["users"]
    assert [user["email"].partition("@")[0] for user in users] == ["ben", "ana", "cy"]


def test_what_has_not_finished_is_no_failure(studio: Cli) -> None:
    users = {user["email"].partition("@")[0]: user["segments"] for user in document_of(studio, "segments")["users"]}
    assert (users["waiting"], "failing" in users["killed"]) == (["power"], True)
