"""The README and the guides, run: every command as it stands, from an empty folder, and every sample compared."""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import duckdb
import httpx
import pytest
import yaml

from .conftest import Cli
from .databases import database
from .server.capture_fixtures import wait_until

ROOT = Path(__file__).parent.parent
PAPERS = {path.stem: path for path in [ROOT / "README.md", *sorted((ROOT / "docs/guide").glob("*.md"))]}
NOT_HERE = {  # the beginning of a line, and why it is not run
    "git clone ": "it needs the address of a repository",
    "python3 -m venv ": "CI runs the one that tests; the other differs in its list of pins and its last command",
    "uv tool install ": "it installs from a registry what the wheel's test builds",
    "uvx ": "as `uv tool install`",
    "pip install ": "as `uv tool install`",
    "FORCE_COLOR=1 watch ": "it draws on a terminal until it is interrupted",
    "while sleep 60": "it waits a minute, again and again",
}
GOES_ON = re.compile(
    r"usertrack (serve|open|live|alerts watch|plan live-check .*--follow)\b(?!.*--(status|refused))"
    r"|python -m \S*track relay"
)
OF_ITS_OWN = re.compile(
    r"usertrack (serve|import|demo|tracker|privacy|login|plan live-check)\b"
)  # as a process: its store or its input
FAST = {"output", "queries"}  # the other guides ask for more than a second each
PYTHON = {"browser", "plan", "server"}  # their samples stand alone; those of `track` are parts of a product
LOGIN = """POSTHOG_HOST=https://eu.posthog.com
POSTHOG_PROJECT_ID=12345
POSTHOG_PERSONAL_API_KEY=phx_…
DATABASE_URL=postgresql://…
"""
GIVEN = {  # what a reader has, as the text says
    "sources": {
        "acme.env": LOGIN,
        "key.txt": "phx_test\n",
    },
    "server": {
        "log.csv": "user_id,action,ts\nann,signed_up,2026-11-01T09:00:00Z\n",
        "orders.csv": "user_id,mail,time\nann,ann@x.example,2026-11-01 09:00\n",
        "mails.csv": "userId,event,time\nann@x.example,signed_up,2026-11-01 09:00\n",
    },
    "plan": {
        "docs/tracking-plan.md": "| Event | Description |\n| --- | --- |\n| `report_shared` | A report is shared |\n",
        "log.csv": "event,distinct_id,timestamp\nreport_shared,ann,2026-11-01T09:00:00Z\n",
        "src/app.py": "import posthog\n\nposthog.capture('report_exported', distinct_id='1')\n",
        "backend/app.py": "",
        "web/src/app.ts": "",
        "../shop/app.py": "",
        "test_product.py": "def test_product() -> None: ...\n",
    },
}


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


def blocks(name: str, language: str) -> list[str]:
    """Return the fenced blocks of a document that are written in ``language`` (a regular expression)."""
    return re.findall(f"^```(?:{language})\n(.*?)^```", PAPERS[name].read_text(), re.MULTILINE | re.DOTALL)


class Reader:
    """Somebody who types the commands of a document, one after the other, in an empty folder."""

    def __init__(self, cli: Cli, env: pytest.MonkeyPatch, folder: Path, filled: dict[str, str]) -> None:
        self.cli = cli
        self.env = env
        self.filled = filled  # what the text leaves to the reader, and what this one writes
        self.running: list[subprocess.Popen[str]] = []
        (folder / "bin").mkdir()
        (folder / "bin/usertrack").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m usertrack "$@"\n')
        (folder / "bin/usertrack").chmod(0o755)
        env.setenv("PATH", f"{folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}")
        env.setenv("PYTHONPATH", str(ROOT))
        for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            env.setenv(name, str(folder))
        env.setenv("USERTRACK_PROJECT_TOKEN", "phc_test")
        env.setenv("USERTRACK_PERSONAL_API_KEY", "phx_test")

    def read(self, block: str) -> None:
        """Type what stands in ``block``, and see that each command ends as the text beside it says."""
        block = self.fill(block)
        promised = {0, 5, 6} if re.search(r"exit(s| code)\b.*\b5|usertrack doctor", block) else {0, 6}
        script = "&\n" in block
        if script or "usertrack serve" in block:
            self.leave()
        for command in [block] if script else block.splitlines():
            if GOES_ON.match(command):
                self.start(command)
            elif not command.startswith(tuple(NOT_HERE)):
                code, error = self.type(command)
                assert code in promised, f"{command}\n{error}"

    def fill(self, text: str) -> str:
        for placeholder, value in self.filled.items():
            text = text.replace(placeholder, value)
        return text

    def type(self, command: str) -> tuple[int, str]:
        words = shlex.split(command, comments=True)
        if words[0] == "export" and "\n" not in command:
            self.export(words[1:])
            return 0, ""
        if words[0] == "usertrack" and not OF_ITS_OWN.match(command) and not set(words) & {"|", ">", "<"}:
            result = self.cli(*words[1:])
            return result.code, result.err
        done = subprocess.run(
            ["bash", "-c", command], input=self.fill(LOGIN), capture_output=True, text=True, timeout=600
        )
        return done.returncode, done.stdout + done.stderr

    def export(self, variables: list[str]) -> None:
        for name, _, value in (variable.partition("=") for variable in variables):
            self.env.setenv(name, value)

    def start(self, command: str) -> None:
        """Leave ``command`` running, once it has said something or had time to."""
        log = Path(f"log-{len(self.running)}")
        port = f" --port {self.filled['8765']}" if "serve" in command else ""
        with log.open("w") as output:
            line = ["bash", "-c", f"exec {command.split('#')[0]}{port}"]
            self.running.append(subprocess.Popen(line, stdout=output, stderr=output, text=True))
        until = time.monotonic() + (300 if port else 5)  # a server has much to open; others may have nothing to say
        while not log.read_text() and time.monotonic() < until:
            time.sleep(0.05)
        assert self.running[-1].poll() is None, f"{command}\n{log.read_text()}"

    def leave(self) -> None:
        for process in self.running:
            process.terminate()
            process.wait(120)
        self.running.clear()


def answers(port: int, event: dict[str, str]) -> bool:
    with suppress(httpx.TransportError):
        return httpx.post(f"http://127.0.0.1:{port}/e/", json=event).is_success
    return False


@pytest.fixture(scope="module")
def posthog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostHog with one event, which knows the keys that are typed for those of the text."""
    port = free_port()
    command = [sys.executable, "-m", "usertrack", "serve", "--port", str(port), "--data"]
    keys = {"USERTRACK_PROJECT_TOKEN": "phc_test", "USERTRACK_PERSONAL_API_KEY": "phx_test"}
    process = subprocess.Popen([*command, str(tmp_path_factory.mktemp("posthog"))], env={**os.environ, **keys})
    event = {"api_key": "phc_test", "event": "$pageview", "distinct_id": "lena@northwind.example"}
    wait_until(lambda: answers(port, event), 300)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(120)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in PAPERS if blocks(name, "sh")],
)
def test_the_commands_of_a_document_run(
    name: str,
    demo: Cli,
    demo_postgres: str,
    clean_env: pytest.MonkeyPatch,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    os.chdir(folder)
    filled = {"8765": str(free_port()), "12345": "1", "phx_…": "phx_test", "phc_…": "phc_test"}
    if name in {"README", "privacy", "sources", "tables", "track"}:
        cloud = ("https://us.posthog.com", "https://eu.posthog.com", "https://eu.i.posthog.com")
        filled |= dict.fromkeys(cloud, request.getfixturevalue("posthog"))
        filled["postgresql://…"] = request.getfixturevalue("empty_database") if name == "track" else demo_postgres
    reader = Reader(demo, clean_env, tmp_path, filled)
    if name == "privacy":
        reader.export(reader.fill(LOGIN).splitlines())
    for file, text in GIVEN.get(name, {}).items():
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(reader.fill(text))
    if name == "server":
        duckdb.sql("COPY (SELECT * FROM 'log.csv') TO 'log.parquet'")
    if name == "plan":
        Path("tracking.yaml").write_text(blocks(name, "yaml")[0])
        git = "git init -qb main && git add . && git $AUTHOR commit -qm x && git tag v2.3"
        author = "-c user.name=ann -c user.email=ann@x.example"
        subprocess.run(["bash", "-c", git], env={**os.environ, "AUTHOR": author}, check=True)
    try:
        for block in blocks(name, "sh|python" if name in PYTHON else "sh"):
            if block.startswith(("import ", "from ")):
                subprocess.run([sys.executable, "-c", reader.fill(block)], check=True, timeout=300)
            else:
                reader.read(block)
    finally:
        reader.leave()


@pytest.fixture
def empty_database() -> Iterator[str]:
    with database() as dsn:
        yield dsn


SAMPLES = [
    pytest.param(name, sample, id=f"{name}-{number}")
    for name in PAPERS
    for number, sample in enumerate(blocks(name, "text"))
    if sample.startswith("$ ")
]


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_a_sample_is_what_the_demo_of_that_moment_shows(name: str, sample: str, demo: Cli) -> None:
    command, *shown = sample.splitlines()
    output = demo(*shlex.split(command)[2:]).out.splitlines()
    skipped = False
    for line in shown:
        if line.strip() in {"…", ""}:
            skipped = True
            continue
        assert line.rstrip() in output, f"{PAPERS[name].name}: {line}"
        place = output.index(line.rstrip())
        assert skipped or place <= 1, f"{PAPERS[name].name}: there is something before {line}"
        skipped, output = False, output[place + 1 :]


HOMES = {  # the first key of a sample in YAML or the title of one in SQL, and the file of a workspace that has it
    "naming": "tracking.yaml",
    "sinks": "tracking.yaml",
    "profile": "segments.yaml",
    "sets": "segments.yaml",
    "patterns": "patterns.yaml",
    "notifications": "patterns.yaml",
    "-- title: Pricing views": "queries/posthog/pricing_views.sql",
    "-- title: New accounts": "queries/neon/new_accounts.sql",
    "-- title: The organization of an event": "queries/fragments/posthog/organization.sql",
}


@pytest.mark.parametrize("name", [name for name in PAPERS if blocks(name, "yaml") and name != "plan"])
def test_samples_of_files_fit_into_those_of_a_new_workspace(name: str, demo: Cli) -> None:
    assert demo("init").code == 0
    for sample in [sql for paper in PAPERS for sql in blocks(paper, "sql")]:
        if home := HOMES.get(sample.splitlines()[0]):
            Path(home).parent.mkdir(parents=True, exist_ok=True)
            Path(home).write_text(sample)
    for sample in blocks(name, "yaml"):
        file = Path(HOMES.get(sample.partition(":")[0], "usertrack.yaml"))
        file.write_text(
            yaml.safe_dump(merged(yaml.safe_load(file.read_text()) or {}, yaml.safe_load(sample)), sort_keys=False)
        )
    result = demo("check")
    assert result.code == 0, result.out


@pytest.mark.slow
def test_the_templates_of_the_guide_make_pages_of_reports(demo: Cli) -> None:
    assert demo("init").code == 0
    Path("templates").mkdir()
    for name, template in zip(("weekly.html", "weekly.md"), blocks("reports", "jinja"), strict=True):
        Path(f"templates/{name}.j2").write_text(template)
        result = demo("report", "weekly", "-o", name)
        assert result.code == 0, result.err
    assert "<h1>ACME · Week 46" in Path("weekly.html").read_text()
    assert "## Failures, and whose they are" in Path("weekly.md").read_text()


def merged(one: object, other: object) -> object:
    """Add ``other`` to ``one``: keys to mappings, elements to lists; of two values, the other one."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one | {key: merged(one.get(key), value) for key, value in other.items()}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *(element for element in other if element not in one)]
    return other


def test_sentences_have_15_words_on_average() -> None:
    lengths = [length for paper in PAPERS.values() for length in sentence_lengths(paper.read_text())]
    assert sum(lengths) / len(lengths) <= 15


def sentence_lengths(text: str) -> list[int]:
    """Return the words of each sentence outside of headings, tables and fenced blocks; code counts as one word."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"`[^`]+`", "code", re.sub(r"^[|#].*$", "", prose, flags=re.MULTILINE))
    items = re.split(r"\n\s*\n|\n(?= *[-*] )", prose)
    sentences = [sentence for item in items for sentence in re.split(r"(?<=[.!?])\s", item)]
    return [len(words) for sentence in sentences if (words := re.findall(r"[\w'’.%…-]*\w", sentence))]


def test_what_is_not_run_is_there() -> None:
    lines = [line for name in PAPERS for block in blocks(name, "sh") for line in block.splitlines()]
    assert [start for start in NOT_HERE if not any(line.startswith(start) for line in lines)] == []
    assert len(NOT_HERE) <= 12
