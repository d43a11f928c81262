"""Watching a real store: events that come late, twice or out of order, and a process that ends at any moment."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from tests.live.signals.events import patterns_of
from tests.people import NOW, Company, Office
from usertrack.live.alerts.model import Signal
from usertrack.live.signals.audience import Everybody
from usertrack.live.signals.watch import Watcher
from usertrack.server.database.store import Store

RULES = """
errors: {when: {count: $exception, more_than: 1, within: 5m}}
held: {when: {count: $rageclick, more_than: 0, within: 5m}, for: 2m}
quiet: {when: {none: any, within: 15m}}
"""


class World:
    """A store to which events are added while somebody watches. Times are seconds after `NOW`."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.office, self.folder = Office(store, "postgresql://nobody.example/none"), folder / "state"
        self.patterns = patterns_of(folder, RULES)
        self.heard: list[Signal] = []
        self._number = 0

    def happens(self, name: str, at: float, arrives: float | None = None, person: str = "") -> None:
        self._number += 1
        company = Company()
        who = person or company.person("ann@x.example")
        company.event(who, name, _moment(at).replace(tzinfo=None))
        company.events[0]["uuid"] = f"00000000-0000-0000-0000-{self._number:012d}"
        company.events[0]["created_at"] = str(_moment(at if arrives is None else arrives).replace(tzinfo=None))
        self.office.store.insert("events", company.events)

    def poll(self, at: float, receive: object = None) -> list[str]:
        """What a new process says that polls once."""
        self.heard = []
        with Watcher(self.folder, self.patterns, Everybody()) as watcher, self.office.runner("posthog") as runner:
            watcher.poll(runner, _moment(at), receive or self.heard.extend)  # type: ignore[arg-type]
            self.clock_ahead = watcher.clock_ahead
        return [f"{each.pattern} {each.state} {(each.at - NOW).total_seconds():g}" for each in self.heard]


def _moment(at: float) -> datetime:
    return NOW + timedelta(seconds=at)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with closing(Store(tmp_path_factory.mktemp("store") / "posthog")) as opened:
        yield opened


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    store.query("TRUNCATE TABLE posthog.events")
    return World(store, tmp_path)


def test_each_event_counts_once_however_often_and_late_it_is_read(world: World) -> None:
    world.happens("$exception", -1000)
    world.happens("$exception", -999)
    world.happens("$exception", -50)
    assert world.poll(0) == []  # history: nobody watched
    world.happens("$exception", 100, arrives=103)
    assert world.poll(105) == ["errors firing 100"]
    assert world.poll(110) == []  # the overlap has all of them
    world.happens("$pageview", 90, arrives=112)
    assert world.poll(300) == ["errors resolved 250"]
    assert world.poll(1010) == ["quiet firing 1000"]


def test_what_nobody_took_is_said_again(world: World) -> None:
    def refuses(signals: object) -> None:
        raise OSError("no room")

    world.happens("$pageview", -10)
    world.poll(0)
    world.happens("$exception", 5)
    world.happens("$exception", 6)
    with pytest.raises(OSError, match="no room"):
        world.poll(10, refuses)
    assert world.poll(20) == ["errors firing 6"]
    assert world.poll(30) == []


def test_a_restart_in_the_middle_of_a_for(world: World) -> None:
    world.happens("$pageview", -10)
    world.poll(0)
    world.happens("$rageclick", 5)
    assert world.poll(10) == ["held pending 5"]
    assert world.poll(100) == []
    assert world.poll(131) == ["held firing 125"]


def test_a_clock_ahead_is_set_right_and_the_year_one_changes_nothing(world: World) -> None:
    world.happens("$pageview", -10)
    world.poll(0)
    world.happens("$exception", 3600, arrives=5)
    world.happens("$exception", 3600, arrives=6)
    world.happens("$exception", -63_000_000_000, arrives=7)
    assert world.poll(10) == ["errors firing 6"]


def test_what_fired_before_a_weekend_without_a_watcher_has_ended(world: World) -> None:
    world.happens("$pageview", -10)
    world.poll(0)
    world.happens("$exception", 10)
    world.happens("$exception", 11)
    assert world.poll(20) == ["errors firing 11"]
    assert "errors resolved 310" in world.poll(2 * 86_400)


def test_what_arrived_late_before_the_first_start_counts_once(world: World) -> None:
    world.happens("$exception", -250, arrives=-30)
    assert world.poll(0) == world.poll(5) == []


def test_nothing_is_said_of_silence_while_an_event_may_be_under_way(world: World) -> None:
    world.happens("$pageview", -890)
    world.poll(0)
    world.happens("$pageview", 11, person=str(UUID(int=7)))
    assert world.poll(11.5) == []
    world.happens("$pageview", 9, arrives=13)
    assert world.poll(20) == []


@pytest.mark.slow
@pytest.mark.parametrize("ahead", [180, pytest.param(-180, marks=pytest.mark.slow)])
def test_a_watcher_whose_clock_is_wrong_sees_what_happens_once(world: World, ahead: int) -> None:
    world.poll(ahead)
    lines = []
    for at in range(5, 60, 5):
        if at in {10, 15, 20}:
            world.happens("$exception", at)
        lines += world.poll(at + ahead)
    lines += world.poll(240)
    assert [each.rpartition(" ")[0] for each in lines] == ["errors firing"]


def test_events_of_a_server_whose_clock_is_ahead_are_seen_at_once(world: World) -> None:
    world.poll(0)
    world.happens("$exception", 100)
    world.happens("$exception", 101)
    assert world.poll(10) == ["errors firing 101"]
    assert world.clock_ahead == pytest.approx(91)
    assert world.poll(20) == []


@pytest.mark.slow
@pytest.mark.parametrize("jump", [3600, -3600])
def test_a_clock_that_jumps_by_an_hour_loses_and_doubles_nothing(world: World, jump: int) -> None:
    world.happens("$pageview", -10)
    world.poll(0)
    ann, ben = (str(UUID(int=number)) for number in (8, 9))
    for person, at in ((ann, 2), (ann, 3), (ben, jump + 25), (ben, jump + 26)):
        if at == jump + 25:
            lines = world.poll(10) + world.poll(jump + 20)
        world.happens("$exception", at, person=person)
    for later in (30, 40, 300, 3600):
        lines += world.poll(jump + later)
    assert [line.rpartition(" ")[0] for line in lines if line.startswith("errors firing")] == ["errors firing"] * 2
