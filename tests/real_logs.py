"""Real event logs, imported and served, with answers that others computed, independently.

They lie beside the repository, in ``../shared/data``; DEFINITIONS.md there says what each answer means.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from usertrack.server.database.store import Store
from usertrack.server.http.server_settings import ServerSettings

from .conftest import made_once, slow_but
from .server.capture_fixtures import AppThread

LOGS = Path(__file__).parents[2] / "shared" / "data"
SERVER = ServerSettings("phc_logs", "phx_logs", row_cap=100_000)
needs_logs = pytest.mark.skipif(not LOGS.is_dir(), reason=f"the logs are not there: {LOGS}")


@dataclass(frozen=True)
class Log:
    answers: dict[str, Any]
    url: str


@pytest.fixture(scope="module", params=slow_but(["ecom"], ["ecom", "gamelaunch", "cdnow"]))
def log(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, of_all_workers: Path
) -> Iterator[Log]:
    """The log, imported with what its columns are called, by the first process that wants it, and served."""
    folder = LOGS / request.param

    def load(data: Path) -> None:
        # answers take steps of one time in either order
        command = ["import", "events", str(folder / "events.csv.gz"), "--data", str(data), "--ties", "equal"]
        subprocess.run([sys.executable, "-m", "usertrack", *command], check=True, capture_output=True)

    imported = made_once(of_all_workers / f"log-{request.param}", load)
    data = tmp_path_factory.mktemp(request.param) / "served"
    shutil.copytree(imported, data, symlinks=True)
    with closing(Store(data)) as store, AppThread(store, SERVER) as server:
        yield Log(json.loads((folder / "answers.json").read_text()), server.url)


@pytest.fixture
def connected(log: Log, clean_env: pytest.MonkeyPatch) -> Log:
    """The log, which the command line takes for PostHog."""
    clean_env.setenv("POSTHOG_HOST", log.url)
    clean_env.setenv("POSTHOG_PROJECT_ID", "1")
    clean_env.setenv("POSTHOG_PERSONAL_API_KEY", SERVER.personal_api_key)
    return log
