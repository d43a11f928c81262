"""Real event logs, imported and served, with answers that others computed, independently.

They lie beside the repository, in ``../shared/data``; DEFINITIONS.md there says what each answer means.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

LOGS = Path(__file__).parents[2] / "shared" / "data"
KEYS = {"USERTRACK_PROJECT_TOKEN": "phc_logs", "USERTRACK_PERSONAL_API_KEY": "phx_logs"}
there = pytest.mark.skipif(not LOGS.is_dir(), reason=f"the logs are not there: {LOGS}")


@dataclass(frozen=True)
class Log:
    answers: dict[str, Any]
    url: str


@pytest.fixture(scope="module", params=["ecom", "gamelaunch", "cdnow"])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """The log, imported with what its columns are called, and served."""
    folder = LOGS / request.param
    data, env = tmp_path_factory.mktemp(request.param), {**os.environ, **KEYS}
    command = [sys.executable, "-m", "usertrack"]
    # answers take steps of one time in either order
    importing = [*command, "import", "events", str(folder / "events.csv.gz"), "--data", str(data), "--ties", "equal"]
    subprocess.run(importing, env=env, check=True, capture_output=True)
    serving = [*command, "serve", "--data", str(data), "--port", "0", "--max-rows", "100000"]
    with subprocess.Popen(serving, env=env, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        url = server.stderr.readline().split(" at ")[1].split(",")[0]
        yield Log(json.loads((folder / "answers.json").read_text()), url)
        server.terminate()


@pytest.fixture
def connected(log: Log, clean_env: pytest.MonkeyPatch) -> Log:
    """The log, which the command line takes for PostHog."""
    clean_env.setenv("POSTHOG_HOST", log.url)
    clean_env.setenv("POSTHOG_PROJECT_ID", "1")
    clean_env.setenv("POSTHOG_PERSONAL_API_KEY", KEYS["USERTRACK_PERSONAL_API_KEY"])
    return log
