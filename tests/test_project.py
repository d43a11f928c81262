"""The project itself: what the README promises is what runs, and what is committed may be."""

import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from scripts import cli_docs
from scripts.licence_docs import PAGE, PINS, pinned
from usertrack.cli.app import whole_command_line
from usertrack.library.library import SOURCES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAPERS = [*ROOT.glob("*.md"), *(path for path in ROOT.glob("docs/**/*.md") if path.parent.name != "examples")]
REGISTRIES = re.compile(r"py" r"pi\.org|python" r"hosted\.org|registry\.npm" r"js|deb\.deb" r"ian\.org")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def commands() -> list[str]:
    return sorted(whole_command_line().commands)


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_ci_runs_the_readmes_test_command() -> None:
    assert len(re.findall("^python3 -m venv .*pytest$", README, re.MULTILINE)) == 1
    ci = (ROOT / ".ci" / "run").read_text()
    assert "grep -m1 '^python3 -m venv .*pytest$' README.md" in ci
    assert '\neval "${tests% && *}"\n' in ci
    assert '\neval "${tests##* && }" || once_more\n' in ci
    assert "\n.venv/bin/pytest -m slow" in ci


def test_the_readme_is_short_and_the_guides_name_every_command() -> None:
    assert len(README.splitlines()) <= 150
    guides = "".join(path.read_text() for path in (ROOT / "docs/guide").glob("*.md"))
    assert [command for command in commands() if f"`usertrack {command}" not in guides] == []


def test_command_lines_in_the_papers_are_ones_that_usertrack_has() -> None:
    for path in PAPERS:
        text = path.read_text()
        shell = "".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
        lines = re.findall(r"^usertrack .*", shell, re.MULTILINE) + re.findall(r"`(usertrack [a-z][^`]*)`", text)
        for line in lines:
            words = shlex.split(line.split(" | ")[0].replace("\\|", "|"), comments=True)[1:]
            command = whole_command_line()
            while hasattr(command, "commands") and words and words[0] in command.commands:
                command = command.commands[words.pop(0)]
            options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            assert command.name != "usertrack" or words[:1] == ["--help"], f"{path}: {line}"
            assert {word for word in words if word.startswith("--")} <= options, f"{path}: {line}"


def test_links_in_the_papers_resolve() -> None:
    for path in PAPERS:
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", path.read_text()):
            name, _, anchor = target.partition("#")
            page = (path.parent / name) if name else path
            assert page.exists(), f"{path}: {target}"
            assert not anchor or anchor in anchors(page), f"{path}: {target}"


def test_the_page_about_the_commands_is_fresh() -> None:
    assert cli_docs.PAGE.read_text() == cli_docs.page(), "docs/cli.md is stale: run `python scripts/cli_docs.py`"


def test_commits_hold_no_registry_hosts_and_no_big_files() -> None:
    for path in tracked():
        content = path.read_bytes()
        assert len(content) <= 1 << 20, path
        assert not REGISTRIES.search(content.decode(errors="replace")), path


def test_nobody_is_sent_to_a_package_that_is_not_on_the_index() -> None:
    from_an_index = re.compile(r"pip install (-U |--upgrade )?['\"]?usertrack(-track)?+(\[[\w,]+\])?+['\"`]?+(?! @)")
    papers = [path for path in tracked() if path.suffix in {".md", ".py", ".yml", ".sh"} and path != Path(__file__)]
    assert [path for path in papers if from_an_index.search(path.read_text())] == []
    assert "uv tool install" in README


def test_the_licence_is_in_the_wheels_metadata() -> None:
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert 'license = "MIT"' in (ROOT / "pyproject.toml").read_text()
    assert "[LICENSE](LICENSE): MIT" in README


def test_requirements_are_pinned_with_hashes() -> None:
    text = (ROOT / "requirements" / "ci.txt").read_text()
    entries = [entry for entry in text.replace("\\\n", "").splitlines() if entry and not entry.startswith(("#", " "))]
    assert len(entries) > 30
    assert all(re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:", entry) for entry in entries)


@pytest.mark.slow
def test_the_wheel_carries_queries_and_segments(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="comes with the extra dev")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=ROOT, check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = [path.relative_to(ROOT) for path in (ROOT / "queries").rglob("*.sql")]
    assert {
        f"usertrack/shipped/{path.as_posix()}" for path in [*shipped, Path("segments.yaml"), Path("failures.yaml")]
    } <= names
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    run = [sys.executable, "-m", "usertrack", "query", "list", "-f", "csv"]
    listed = subprocess.run(
        run, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "installed")}, capture_output=True, text=True
    )
    queries = [path for path in shipped if path.parts[1] in SOURCES]
    assert listed.stdout.count("shipped") == len(queries), listed.stderr


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; sys.argv[1:] = ['--help']\nfrom usertrack.cli.app import run\nrun()\nprint(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    loaded = set(output.splitlines()[-1].split())
    assert not loaded & {"chdb", "duckdb", "psycopg", "httpx", "sqlglot", "yaml", "jinja2", "pyarrow", "starlette"}


def test_the_demo_needs_no_posthog_sdk() -> None:
    hide = "import sys; sys.modules['posthog'] = None"
    code = f"{hide}\nfrom usertrack.server.hogql.parse import parse_select\nparse_select('SELECT 1')"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_root_of_the_package_holds_folders_and_a_former_name() -> None:
    assert sorted(path.name for path in (ROOT / "usertrack").glob("*.py")) == ["__init__.py", "__main__.py", "track.py"]


def test_every_question_is_under_the_contracts() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors, _, numbers, server, questions, *_ = contracts
    names = sorted(path.parent.name for path in (ROOT / "usertrack/product").glob("*/__init__.py"))
    assert sorted(container.rpartition(".")[2] for container in numbers["containers"]) == names
    assert sorted(name for layer in questions["layers"] for name in layer.split(" | ")) == names
    assert (floors["exhaustive"], server["exhaustive"]) == (True, True)


def test_modules_named_in_tests_are_there() -> None:
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "usertrack").rglob("*.py")}
    packages = {name.removesuffix(".__init__") for name in modules}
    for path in (ROOT / "tests").rglob("*.py"):
        named = re.findall(r"^(?:from|import) (usertrack(?:\.\w+)*)", path.read_text(), re.MULTILINE)
        assert set(named) <= packages, path


def test_each_library_has_its_licence_on_the_page() -> None:
    told = dict(re.findall(r"^\| ([\w.-]+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE))
    assert [name for name in pinned() if not told.get(name) or told[name] == "not said"] == []
    assert "LGPL" in told["psycopg"] + told["pygal"]


def test_what_users_install_is_what_was_tested() -> None:
    pins = {name: _pins(name) for name in ("users.txt", "ci.txt")}
    assert [pin for pin in pins["users.txt"] if pin not in pins["ci.txt"]] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *extras["web"], *extras["local"][1:], *extras["plan"], *extras["keyring"]]
    assert extras["local"][0] == "usertrack[web]"
    assert {re.match(r"[\w.-]+", line)[0].lower() for line in needed} <= {*pinned()}  # type: ignore[index]


def _pins(file: str) -> list[str]:
    return re.findall(r"^([\w.-]+==[\w.]+)", (PINS.parent / file).read_text(), re.MULTILINE)
