"""Parametrises the walk with what it discovers."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from zlib import crc32

import httpx
import pytest

from usertrack.web.access import Access
from usertrack.web.app import create_app
from usertrack.workspace.settings import load_settings

from .calls import Call, calls
from .pages import Visit, visits
from .walk import Walk
from .world import Opened, opened

# All 870 steps take 270 s of a processor, and to open a world takes 2 s: a step is fast in one of these four worlds,
# which differ most in what is known. CI walks the steps in the others, and in the other worlds.
FAST = ("members", "tenants", "young", "odd")


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


@pytest.fixture(scope="class")
def browser(place: Opened) -> Iterator[Callable[[str], httpx.Response]]:
    """Asks for pages of the world. They stay open while all are visited, so that they ask the same question once."""
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as loop:
        place.enter(patch)
        access = Access(b"key", frozenset({"localhost"}), 8766)
        transport = httpx.ASGITransport(app=create_app(load_settings(), access))
        client = httpx.AsyncClient(transport=transport, base_url="http://localhost:8766")
        loop.run(client.get(access.new_link("")))
        yield lambda path: loop.run(client.get(path))
        loop.run(client.aclose())


def _walked(walk: type[Walk], steps: Iterable[Call | Visit]) -> Iterable[object]:
    for step in steps:
        if not walk.only or step.id in walk.only:
            fast = walk.world.name == FAST[crc32(step.id.encode()) % len(FAST)]
            yield pytest.param(step, id=step.id, marks=() if fast else pytest.mark.slow)
