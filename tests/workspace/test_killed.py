"""`kill -9` of `login`, `init` and `plan init` at each step on the disk: secrets, workspace and plan stay whole."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from usertrack.core.temporary import remove_left_overs
from usertrack.plan.draft.markdown import draft_of_markdown
from usertrack.plan.draft.write import merge, write_schema
from usertrack.workspace.folder import FILE_NAME
from usertrack.workspace.profiles import Profile, profiles_folder, require_profile, save_profile
from usertrack.workspace.scaffold import create_workspace

STEPS = ("open", "os.", "shutil.", "tempfile.")  # of audit events: each comes before a step on the disk


def die_at(step: int) -> None:
    steps = count()

    def strike(event: str, _: object) -> None:
        if event.startswith(STEPS) and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(strike)


def store(host: str) -> None:
    profile = Profile("acme", host, "1", "", "file", profiles_folder())
    save_profile(profile, {"posthog.personal_api_key": f"phx_of_{host}"})


def killed(work: Callable[[], None], step: int) -> bool:
    child = os.fork()
    if not child:
        with suppress(BaseException):
            die_at(step)
            work()
        os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


@pytest.mark.slow
def test_a_killed_login_leaves_no_copy_of_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    kills = 0
    for step in range(50):
        store("before")
        kills += killed(lambda: store("after"), step)
        remove_left_overs(profiles_folder())
        files = {file.name: file for file in profiles_folder().iterdir()}
        assert sorted(files) == ["acme.secrets", "acme.yaml"]
        assert {file.stat().st_mode & 0o777 for file in files.values()} == {0o600}
        profile = require_profile("acme")
        host = profile.secrets["posthog.host"]  # a key for another host than the profile's is refused, and asked anew
        assert profile.secrets["posthog.personal_api_key"] == f"phx_of_{host}"
        assert (profile.host, host) in {("before", "before"), ("before", "after"), ("after", "after")}
    assert kills > 10


def contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.slow
def test_a_killed_init_leaves_no_half_workspace(tmp_path: Path) -> None:
    create_workspace(tmp_path / "whole")
    whole, kills = contents(tmp_path / "whole"), 0
    for step in range(0, 150, 3):
        folder = tmp_path / str(step)
        kills += killed(lambda: create_workspace(folder), step)  # noqa: B023
        remove_left_overs(folder)
        left = contents(folder)
        assert left.items() <= whole.items()
        assert FILE_NAME not in left or left == whole
        create_workspace(folder)
        assert contents(folder) == whole
    assert kills > 10


@pytest.mark.slow
def test_a_killed_plan_init_leaves_no_half_plan(tmp_path: Path) -> None:
    draft = draft_of_markdown(Path(__file__).parent.parent / "plan/seed003.md")

    def init(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        merge(folder / "tracking.yaml", draft)
        write_schema(folder / "tracking.yaml")

    init(tmp_path / "whole")
    whole, kills = contents(tmp_path / "whole"), 0
    for step in range(50):
        folder = tmp_path / str(step)
        kills += killed(lambda: init(folder), step)  # noqa: B023
        remove_left_overs(folder)
        assert contents(folder).items() <= whole.items()
        init(folder)
        assert contents(folder) == whole
    assert kills > 10
