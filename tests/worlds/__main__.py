"""Runs a command over a world, as a terminal shows it: `python -m tests.worlds members retention --days 30`."""

import importlib
import sys
import tempfile
from pathlib import Path

import pytest

from .walk import Walk
from .world import opened


def main(name: str, *words: str) -> int:
    module = importlib.import_module(f".test_{name.partition('_')[0]}", __package__)
    walks = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Walk)]
    [world] = [walk.world for walk in walks if walk is not Walk and walk.world.name == name]
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(world, Path(folder)) as place,
        pytest.MonkeyPatch.context() as patch,
    ):
        place.enter(patch)
        said = place.run(*words)
    sys.stdout.write(said.out)
    sys.stderr.write(said.err)
    return said.code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
