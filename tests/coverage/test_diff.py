"""`usertrack plan diff`: what appears, vanishes and is renamed, and what that breaks."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from usertrack.coverage.diff import PlanChange, Side, changes
from usertrack.coverage.uses import PlannedUse
from usertrack.plan.scan.site import CallSite, Scan, SentProperty

from ..conftest import Cli
from .conftest import written


def site(event: str, line: int = 1, file: str = "a.py", **properties: bool) -> CallSite:
    return CallSite(event, None, file, line, "capture", (), [SentProperty(*pair) for pair in properties.items()])


def side(*sites: CallSite) -> Side:
    return Side(None, Scan(sites, [], 1, 0.0))


def summary(every: list[PlanChange]) -> list[tuple[str, str, str, str]]:
    return [(each.kind, each.event, each.name, each.new_name) for each in every]


def test_what_appears_and_what_vanishes_with_what_it_breaks() -> None:
    uses = [
        PlannedUse("funnel", "f", "gone", ("gone",)),
        PlannedUse("funnel", "f", "gone|stays", ("gone", "stays")),
        PlannedUse("query", "posthog/q", "gone", ("gone",)),
    ]
    every = changes(side(site("gone", 3), site("stays", 4)), side(site("stays", 4), site("new", 90)), uses)
    assert summary(every) == [("vanishes", "", "gone", ""), ("appears", "", "new", "")]
    assert [(each.line, [use.title for use in each.breaks]) for each in every] == [
        (3, ["funnel f", "query posthog/q"]),
        (90, []),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (site("report_export", size=True), site("report_exported", 400, "b.py", size=True)),
        (site("report_export"), site("report_exported", 400, size=True)),
        (site("clicked", 10, size=True), site("button_pressed", 14, size=True)),
    ],
    ids=["near, same properties", "near, same file", "same site"],
)
def test_a_rename(old: CallSite, new: CallSite) -> None:
    [first, *_] = changes(side(old), side(new), [PlannedUse("funnel", "f", "s", (old.event or "",))])
    assert (first.kind, first.name, first.new_name) == ("renamed", old.event, new.event)
    assert [use.name for use in first.breaks] == ["f"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (site("clicked", 10), site("button_pressed", 400)),
        (site("clicked", 10), site("button_pressed", 10, "b.py")),
        (site("trial_started", 10), site("trial_started_again", 400, "b.py", size=True)),
    ],
)
def test_no_rename(old: CallSite, new: CallSite) -> None:
    assert [each.kind for each in changes(side(old), side(new))][:2] == ["vanishes", "appears"]


def test_the_plan_says_what_was_renamed(tmp_path: Path) -> None:
    plan = written(tmp_path, "events: {integration_connected: {replaces: [github_connected]}}")
    new = replace(side(site("integration_connected", 900, "z.py", kind=True)), plan=plan)
    assert ("renamed", "", "github_connected", "integration_connected") in summary(
        changes(side(site("github_connected")), new)
    )


def test_properties_that_vanish_are_renamed_or_are_not_always_there() -> None:
    old = side(site("a", size=True, kind=True, repos=True))
    new = side(site("a", size=False, kinds=True, more=True))
    uses = [PlannedUse("query", "posthog/q", "a", ("a",), ("repos",))]
    every = changes(old, new, uses)
    assert summary(every) == [
        ("vanishes", "a", "repos", ""),
        ("renamed", "a", "kind", "kinds"),
        ("no longer always sent", "a", "size", ""),
        ("appears", "a", "more", ""),
    ]
    assert [len(each.breaks) for each in every] == [1, 0, 0, 0]


def test_changes_of_the_plan(tmp_path: Path) -> None:
    old = written(tmp_path, "events:\n  a: {required: [x], properties: [y]}\n  b: {}\n  c: {}\n")
    new = written(tmp_path, "events:\n  a: {properties: [x, z]}\n  d: {replaces: [b]}\n  e: {}\n")
    every = changes(Side(old, Scan([], [], 0, 0.0)), Side(new, Scan([], [], 0, 0.0)))
    assert {(each.kind, each.event, each.name, each.new_name, each.line) for each in every} == {
        ("no longer always sent", "a", "x", "", 2),
        ("vanishes", "a", "y", "", 2),
        ("appears", "a", "z", "", 2),
        ("renamed", "", "b", "d", 3),
        ("vanishes", "", "c", "", 4),
        ("appears", "", "e", "", 4),
    }
    assert {each.place for each in every} == {"plan"}


Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    def call(*arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    call("init", "-q", "-b", "main")
    return call


def app(event: str) -> str:
    return f'import posthog\n\n\ndef done(user):\n    posthog.capture(user, "{event}", {{"size": 1}})\n'


@pytest.fixture
def history(git: Git, tmp_path: Path) -> Git:
    """Two commits, the second of which renames an event, and a change that is in none."""
    (tmp_path / ".gitattributes").write_text("src export-ignore\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "ä b.py").write_text(app("onboarding_started"))
    (tmp_path / "tracking.yaml").write_text("events: {onboarding_started: {}}\n")
    git("add", "-A")
    git("commit", "-qm", "one")
    (tmp_path / "src" / "ä b.py").write_text(app("onboarding_start"))
    git("commit", "-qam", "two")
    (tmp_path / "src" / "ä b.py").write_text(app("finished"))
    return git


def test_two_commits_are_compared_and_nothing_is_touched(cli: Cli, history: Git, tmp_path: Path) -> None:
    before = history("status", "--porcelain=v2", "--branch")
    answer = cli("plan", "diff", "HEAD~..HEAD", "src", "-f", "json", "--check")
    assert answer.code == 5, answer.err
    [change] = json.loads(answer.out)["changes"]
    assert (change["kind"], change["name"], change["new_name"]) == ("renamed", "onboarding_started", "onboarding_start")
    assert (change["file"], change["line"]) == ("src/ä b.py", 5)
    assert change["breaks"] == ["funnel activation (onboarding_started)"]
    assert history("status", "--porcelain=v2", "--branch") == before
    assert (tmp_path / "src" / "ä b.py").read_text() == app("finished")


def test_a_commit_beside_the_files_as_they_are(cli: Cli, history: Git) -> None:
    answer = cli("plan", "diff", "HEAD")
    assert (answer.code, "onboarding_start → finished" in answer.out) == (0, True)
    assert "1 change, none breaks a funnel" in answer.out


def test_what_no_commit_has_is_on_neither_side(cli: Cli, history: Git, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("generated/\n")
    for path, event in (("generated/a.py", "ignored"), ("module/b.py", "of_a_submodule"), ("new.py", "untracked")):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(app(event))
    history("init", "-q", "module")
    history("-C", "module", "add", "-A")
    history("-C", "module", "commit", "-qm", "one")
    history("add", "module")
    names = {change["name"] for change in json.loads(cli("plan", "diff", "HEAD", "-f", "json").out)["changes"]}
    assert names == {"onboarding_start", "untracked"}


def test_a_folder_is_compared_with_the_wrappers_elsewhere(cli: Cli, git: Git, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "shop").mkdir()
    (tmp_path / "lib" / "tell.py").write_text("import posthog\ndef tell(event):\n    posthog.capture(event)\n")
    (tmp_path / "shop" / "a.py").write_text('from lib.tell import tell\ntell("paid")\n')
    git("add", "-A")
    git("commit", "-qm", "one")
    (tmp_path / "shop" / "a.py").write_text('from lib.tell import tell\ntell("refunded")\n')
    [change] = json.loads(cli("plan", "diff", "HEAD", "shop", "-f", "json").out)["changes"]
    assert (change["name"], change["new_name"], change["file"]) == ("paid", "refunded", "shop/a.py")


@pytest.mark.parametrize(
    ("revisions", "message"),
    [
        ("nowhere..HEAD", "git knows no commit 'nowhere'"),
        ("--upload-pack=x..HEAD", "no such option"),
        ("..HEAD", "'..HEAD' does not name two commits"),
        ("a...b", "'a...b' does not name two commits"),
    ],
)
def test_wrong_revisions(cli: Cli, history: Git, revisions: str, message: str) -> None:
    answer = cli("plan", "diff", revisions)
    assert answer.code == 2
    assert message.lower() in answer.err.lower()


@pytest.mark.parametrize("mistyped", [["scr"], ["src", "--plan", "trackin.yaml"]])
def test_what_is_on_neither_side_is_an_error(cli: Cli, history: Git, mistyped: list[str]) -> None:
    answer = cli("plan", "diff", "HEAD~..HEAD", *mistyped, "--check")
    assert (answer.code, f"'{mistyped[-1]}' is neither in HEAD~ nor in HEAD" in answer.err) == (2, True)


def test_outside_of_a_repository(cli: Cli, tmp_path: Path) -> None:
    answer = cli("plan", "diff", "main..HEAD")
    assert answer.code == 2
    assert "is in no git repository" in answer.err
