"""The files of a commit in a folder of their own: the user's files, index and branches stay as they are."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.core.temporary import temporary_folder


@dataclass(frozen=True)
class Repository:
    """A git repository; ``root`` is the top folder of its files."""

    root: Path

    def commit(self, revision: str) -> str:
        """The id of the commit that ``revision`` names; raises UsageError where there is none."""
        process = _git(self.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if process.returncode:
            raise UsageError(f"git knows no commit '{revision}'", "name a branch, a tag or a commit, as in main..HEAD")
        return process.stdout.strip()

    def tags(self) -> list[str]:
        return _git(self.root, "tag", "--list").stdout.splitlines()

    def tag_date(self, tag: str) -> datetime | None:
        """When the commit of ``tag`` was made; None where there is no such tag."""
        process = _git(self.root, "log", "-1", "--no-show-signature", "--format=%cI", f"refs/tags/{tag}", "--")
        try:
            return datetime.fromisoformat(process.stdout.strip())
        except ValueError:
            return None

    def relative(self, path: Path) -> Path:
        """``path`` from the root on; raises UsageError for one that is elsewhere."""
        absolute = path.resolve()
        if not absolute.is_relative_to(self.root.resolve()):
            raise UsageError(f"'{path}' is not in the git repository {self.root}", "commits only have what is in it")
        return absolute.relative_to(self.root.resolve())

    def paths(self, commit: str | None) -> list[str]:
        """The files of a commit, or of the user where it is None: without ignored ones, and without submodules."""
        if commit is not None:
            return _lines(_require(_git(self.root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)))
        listed = _git(self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return [path for path in dict.fromkeys(_lines(_require(listed))) if _is_file(self.root / path)]

    @contextmanager
    def files(self, commit: str | None, paths: Sequence[str]) -> Iterator[Path]:
        """A folder with these files of ``commit``, or of the user where it is None."""
        with temporary_folder() as folder:
            tree = folder / "files"
            tree.mkdir()
            if commit is None:
                for path in paths:
                    (tree / path).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(self.root / path, tree / path, follow_symlinks=False)
            else:
                own_index = {"GIT_INDEX_FILE": str(folder / "index"), "GIT_LFS_SKIP_SMUDGE": "1"}
                _require(_git(self.root, "read-tree", commit, env=own_index))
                write = ("checkout-index", "-z", "--stdin", f"--prefix={tree}/")
                _require(_git(self.root, *write, env=own_index, stdin="".join(f"{path}\0" for path in paths)))
            yield tree


def _lines(listed: str) -> list[str]:
    return [path for path in listed.split("\0") if path]


def _is_file(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def repository_of(folder: Path) -> Repository:
    """The repository that ``folder`` is in; raises UsageError where it is in none, or git is not installed."""
    process = _git(folder, "rev-parse", "--show-toplevel")
    if process.returncode:
        raise UsageError(f"'{folder}' is in no git repository", "commits are compared, so it takes git")
    return Repository(Path(process.stdout.removesuffix("\n")))


def revisions(text: str) -> tuple[str, str | None]:
    """``old..new`` as two; ``old`` and ``old..`` are compared with the files as they are, which is None."""
    old, _, new = text.partition("..")
    if not old or new.startswith("."):
        raise UsageError(f"'{text}' does not name two commits", "write main..HEAD, or main for your files as they are")
    return old, new or None


def _git(
    folder: Path, *arguments: str, env: dict[str, str] | None = None, stdin: str | None = None
) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env={**os.environ, **(env or {})},
            check=False,
        )
    except OSError as error:
        raise UsageError("git cannot be run", "is it installed?") from error


def _require(done: "subprocess.CompletedProcess[str]") -> str:
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise UsageError(f"git could not read the commit: {reason}", "is the clone complete? `git fetch --unshallow`")
    return done.stdout
