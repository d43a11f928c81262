"""A plan of the demo with the scan of its code, and one store for the tests that capture events of their own."""

from pathlib import Path

import pytest

from usertrack.plan.model import Plan
from usertrack.plan.read import read_plan

from ..conftest import Cli, CommandResult
from ..server.capture_fixtures import client, shared_store, store

__all__ = ["client", "shared_store", "store"]
FOLDER = Path(__file__).parent


def written(folder: Path, text: str) -> Plan:
    """The plan of this YAML."""
    path = folder / "tracking.yaml"
    path.write_text(text)
    return read_plan(path)


@pytest.fixture
def plan_of_demo(demo: Cli) -> Cli:
    """A command of `usertrack plan` with the plan and the scan of the demo."""

    def call(command: str, *args: object) -> CommandResult:
        return demo(
            "plan", command, "--demo", "--plan", FOLDER / "tracking.yaml", "--scan", FOLDER / "scan.json", *args
        )

    return call
