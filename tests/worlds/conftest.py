"""Parametrises the walk with what it discovers."""

from collections.abc import Iterable, Iterator

import pytest

from .calls import Call, calls
from .pages import Visit, visits
from .walk import Walk
from .world import Opened, opened


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.cls is None or not issubclass(metafunc.cls, Walk):
        return
    world = metafunc.cls.world
    if "call" in metafunc.fixturenames:
        ways = [call for call in calls() if world.with_options or not call.option or call.id in world.answers]
        metafunc.parametrize("call", list(_walked(metafunc.cls, ways)))
    if "visit" in metafunc.fixturenames:
        metafunc.parametrize("visit", list(_walked(metafunc.cls, visits())))


@pytest.fixture(scope="class")
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The world of a class, opened once for all of its steps: a module is run by one process."""
    world = request.cls.world
    with opened(world, tmp_path_factory.mktemp(world.name)) as place:
        yield place


def _walked(walk: type[Walk], steps: Iterable[Call | Visit]) -> Iterable[object]:
    return [pytest.param(step, id=step.id) for step in steps if not walk.only or step.id in walk.only]
