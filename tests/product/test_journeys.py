"""Journeys against a plain reading of the log: what is counted, and that nothing is lost on the way."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count, groupby, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usertrack.core.document import Listing
from usertrack.core.errors import UsageError
from usertrack.product.journeys.flow import flow
from usertrack.product.journeys.numbers import (
    JourneyGroup,
    JourneysQuery,
    Move,
    ask,
    most_frequent,
    page_of,
    periods,
    sessions_beyond,
    travellers,
)
from usertrack.product.journeys.tree import lines
from usertrack.product.journeys.view import journeys_document
from usertrack.product.scope import Scope
from usertrack.render.cells import views

from ..server.capture_fixtures import Client, running
from .logs import asking, at, capture, scope_of

__all__ = ["running"]
YEAR = scope_of("2026-01-01", "2027-01-01")


def journeys_of(client: Client, lines: list[str], scope: Scope = YEAR, **more: Any) -> Any:
    capture(client, lines, more.pop("merged", None))
    with asking(client.store, scope.as_of) as runner:
        return ask(runner, JourneysQuery(**{"by": "event", **more}), scope)


def group(*args: Any, **more: Any) -> JourneyGroup:
    [only] = journeys_of(*args, **more).groups
    return only  # type: ignore[no-any-return]


def paths(journeys: JourneyGroup) -> dict[str, int]:
    return {" ".join(path): count.sessions for path, count in journeys.paths.items()}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["p|a|2026-01-01 00:00:00", "p|b|2026-01-01 00:29:59"], {"a b": 1}, id="a second less"),
        pytest.param(["p|a|2026-01-01 00:00:00", "p|b|2026-01-01 00:30:00"], {"a": 1, "b": 1}, id="half an hour"),
        pytest.param(["p|a|2026-01-01 00:00:00"], {"a": 1}, id="one event"),
        pytest.param(["p|a|2026-01-01 00:00:00, 2026-01-01 00:00:01"], {"a": 1}, id="a step repeated"),
        pytest.param(["p|a|2026-01-01 00:00:00, 2026-01-01 02:00:00"], {"a": 2}, id="repeated in another session"),
        pytest.param(
            ["p|a|2026-01-01 00:00:00, 2026-01-01 00:20:00, 2026-01-01 00:40:00", "p|b|2026-01-01 01:09:00"],
            {"a b": 1},
            id="a pause counts from the last event",
        ),
        pytest.param(
            ["p|b|2026-01-01 00:00:00", "p|a|2026-01-01 00:00:00", "p|c|2026-01-01 00:00:00"],
            {"a b c": 1},
            id="all at once go by name",
        ),
        pytest.param(["p|a|2026-01-01 00:00:00", "q|b|2026-01-01 00:00:01"], {"a": 1, "b": 1}, id="two people"),
        pytest.param(
            ["p|a|2025-12-31 23:59:59", "p|b|2026-01-01 00:00:00", "p|c|2027-01-01 00:00:00"],
            {"b": 1},
            id="outside of the time",
        ),
    ],
)
def test_sessions(client: Client, lines: list[str], expected: dict[str, int]) -> None:
    assert paths(group(client, lines)) == expected


def test_several_ids_are_one_person(client: Client) -> None:
    lines = ["p | a | 2026-01-01 00:00:00", "phone | b | 2026-01-01 00:01:00", "p | c | 2026-01-01 00:02:00"]
    assert paths(group(client, lines, merged={"phone": "p"})) == {"a b c": 1}


@pytest.mark.parametrize("day", ["2026-10-25", "2026-03-29"])
def test_a_change_of_clocks_is_no_pause(client: Client, day: str) -> None:
    capture(client, [f"p | a | {day} 00:50:00", f"p | b | {day} 01:10:00"])
    with asking(client.store, YEAR.as_of, "Europe/Berlin") as runner:
        [journeys] = ask(runner, JourneysQuery(by="event"), YEAR).groups
    assert paths(journeys) == {"a b": 1}


def test_a_repeated_step_is_left_at_its_last_time(client: Client) -> None:
    journeys = group(client, ["p|a|2026-01-01 00:00:00, 2026-01-01 00:01:00", "p|b|2026-01-01 00:03:00"])
    assert {(edge.source, edge.target): edge.count.seconds for edge in journeys.edges} == {
        ("a", "b"): 120,
        ("b", None): 0,
    }
    assert journeys.exits["b"].seconds == 180


LOG = [
    "p | a | 2026-01-01 00:00:00, 2026-01-01 05:00:00",
    "p | b | 2026-01-01 00:01:00, 2026-01-01 05:01:00",
    "p | goal | 2026-01-01 00:02:00",
    "q | a | 2026-01-01 00:00:00",
    "q | c | 2026-01-01 00:01:00",
    "r | b | 2026-01-01 00:00:00",
    "r | a | 2026-01-01 00:01:00",
    "r | c | 2026-01-01 00:02:00",
    "r | goal | 2026-01-01 00:03:00",
    "r | d | 2026-01-01 00:04:00",
]


def test_frequency_completion_and_drop_off(client: Client) -> None:
    journeys = group(client, LOG)
    assert paths(journeys) == {"a b": 1, "a b goal": 1, "a c": 1, "b a c goal d": 1}
    assert (journeys.total.sessions, journeys.total.persons) == (4, 3)
    assert journeys.begins["a",].sessions == 3
    assert (
        journeys.begins["a", "b"].sessions,
        journeys.begins["a", "b"].persons,
        journeys.begins["a", "b"].stayed,
    ) == (2, 1, 1)
    assert journeys.completion(("a", "b", "goal")) == pytest.approx(1 / 3)
    assert journeys.drop_offs(("a", "b", "goal")) == pytest.approx((1 / 3, 1 / 2))
    assert {name: (count.sessions, count.stayed) for name, count in journeys.entries.items()} == {
        "a": (3, 0),
        "b": (1, 0),
    }
    assert {name: count.sessions for name, count in journeys.exits.items()} == {"b": 1, "c": 1, "d": 1, "goal": 1}


def test_who_took_an_edge_are_as_many_as_it_counts(client: Client) -> None:
    journeys = group(client, LOG)
    assert journeys.moves
    with asking(client.store, YEAR.as_of) as runner:
        for edge in journeys.moves:
            move = Move(edge.step, edge.source, edge.target or "")
            people = travellers(runner, JourneysQuery(by="event"), YEAR, move).dicts()
            assert (sum(row["sessions"] for row in people), len(people)) == (edge.count.sessions, edge.count.persons)


def test_ways_to_a_goal(client: Client) -> None:
    journeys = group(client, LOG, goal="goal", steps=3)
    assert paths(journeys) == {"a b goal": 1, "a c goal": 1}  # the last three
    assert (journeys.total.sessions, journeys.total.reached, journeys.journeys) == (4, 2, 2)
    assert {name: (count.sessions, count.reached) for name, count in journeys.entries.items()} == {
        "a": (3, 1),
        "b": (1, 1),
    }


def test_from_a_step_to_a_goal(client: Client) -> None:
    capture(client, LOG)
    journeys = group(client, [], start="b", goal="goal")
    assert paths(journeys) == {"b goal": 1, "b a c goal": 1}
    assert (journeys.total.sessions, journeys.total.reached) == (3, 2)
    assert paths(group(client, [], start="b", goal="goal", steps=3)) == {"b goal": 1, "b ... goal": 1}  # as PostHog


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("https://a.example/pricing/?utm=1#top", "/pricing"),
        ("https://a.example/", "/"),
        ("https://a.example", "(not recorded)"),
        ("/about?x=1", "/about"),
        ("https://a.example/runs/142/steps/7", "/runs/:id/steps/:id"),
        ("https://a.example/u/0b7f9a4c-3c1e-4b7f-9a4c-3c1e4b7f9a4c", "/u/:id"),
        ("https://a.example/u/clh3k2j9x0000qwer1234asdf", "/u/:id"),
        ("https://a.example/docs/oauth2", "/docs/oauth2"),
        ("https://a.example/blog/2026-in-review", "/blog/*"),
        ("https://a.example/100%25/{x}", "/100%25/{x}"),
        ("https://a.example/[red]<b>\u202e'\"\\", "/[red]<b>\u202e'\"\\"),
    ],
)
def test_pages(client: Client, address: str, page: str) -> None:
    events = {"event": "$pageview", "distinct_id": "p", "properties": {"$current_url": address}}
    client.send({**events, "timestamp": "2026-01-01T00:00:00Z"})
    assert paths(group(client, [], by="page", patterns=("/blog/*",))) == {page: 1}


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("/pricing?utm=1#top", "/pricing"),
        ("/app/#/runs?x", "/app"),
        ("/a//b/?", "/a//b"),
        ("?x=1", "(not recorded)"),
        ("/100%3F", "/100%3F"),
    ],
)
def test_a_recorded_path_is_cut_like_an_address(client: Client, name: str, page: str) -> None:
    pageview = {"event": "$pageview", "distinct_id": "p", "properties": {"$pathname": name}}
    client.send({**pageview, "timestamp": "2026-01-01T00:00:00Z"})
    assert paths(group(client, [], by="page")) == {page: 1}


def test_a_page_of_two_kilobytes_is_whole(client: Client) -> None:
    name = "/" + "x" * 1000 + "/" + "y" * 1000
    client.send(
        {
            "event": "$pageview",
            "distinct_id": "p",
            "timestamp": "2026-01-01T00:00:00Z",
            "properties": {"$pathname": name},
        }
    )
    assert paths(group(client, [], by="page")) == {name: 1}


@pytest.mark.parametrize(
    ("typed", "urls", "page"),
    [
        ("/pricing/", False, "/pricing"),
        ("/", False, "/"),
        ("https://a.example/pricing?x", False, "/pricing"),
        ("/pricing?x=1", False, "/pricing"),
        ("/pricing#plans", False, "/pricing"),
        ("signed_up?", False, "signed_up?"),
        ("https://a.example/pricing/", True, "https://a.example/pricing"),
        ("signed_up", False, "signed_up"),
    ],
)
def test_what_is_typed_for_a_page(typed: str, urls: bool, page: str) -> None:  # noqa: FBT001
    assert page_of(typed, urls=urls) == page


@pytest.mark.parametrize(
    ("more", "message", "hint"),
    [
        ({"start": "gaol"}, "nobody came to 'gaol' in this time", "'goal'"),
        ({"goal": "gaol"}, "nobody came to 'gaol' in this time", "'goal'"),
        ({"steps": 1}, "2 to 20 steps, not 1", "--steps 5"),
        ({"steps": 100}, "2 to 20 steps, not 100", "--steps 5"),
        ({"start": "a", "goal": "a"}, "both 'a'", "one step to another"),
        ({"by": "page", "goal": "$pageview"}, "by page '.pageview' is no step", "--by event"),
    ],
)
def test_what_is_wrong(client: Client, more: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        journeys_of(client, LOG, **more)
    assert hint in str(caught.value.hint)


def test_a_goal_that_nobody_reached_from_there(client: Client) -> None:
    journeys = group(client, LOG, start="d", goal="b")
    assert (journeys.total.sessions, journeys.total.reached, journeys.paths) == (1, 0, {})


def test_pageviews_are_steps_of_events_where_they_are_named(client: Client) -> None:
    """PostHog's own events are none, unless somebody asks for one."""
    lines = ["p|a|2026-01-01 00:00:00", "p|$pageview|2026-01-01 00:01:00|$pathname=/x", "p|b|2026-01-01 00:02:00"]
    journeys = journeys_of(client, lines, goal="$pageview")
    assert journeys.groups[0].total.reached == 1
    assert paths(journeys.groups[0]) == {"a $pageview": 1}
    assert "begin with $, are no steps, but for the one named" in " ".join(journeys_document(journeys).notes)
    assert paths(group(client, [], start="$pageview")) == {"$pageview b": 1}
    assert paths(group(client, [])) == {"a b": 1}


def test_a_start_of_another_time(client: Client) -> None:
    lines = ["p|a|2026-01-01 00:00:00", "p|b|2026-02-01 00:00:00"]
    journeys = journeys_of(client, lines, scope_of("2026-01-15", "2026-03-01"), start="a")
    assert "nobody came to a in this time" in journeys_document(journeys).notes


def test_nobody_at_all(client: Client) -> None:
    journeys = journeys_of(client, LOG, scope_of("2020-01-01", "2020-01-02"))
    assert journeys.groups == ()
    assert "nobody took any step" in journeys_document(journeys).notes[0]


def test_groups_add_up(client: Client) -> None:
    lines = [f"p{n} | a | 2026-01-01 00:00:00 | os=os{n // 3}" for n in range(10)]
    scope = scope_of("2026-01-01", "2027-01-01", breakdown="os", top=2)
    journeys = journeys_of(client, [*lines, "x | a | 2026-01-01 00:00:00"], scope)
    assert [(g.name, g.name.kind, g.total.sessions) for g in journeys.groups] == [
        ("os0", "value", 3),
        ("os1", "value", 3),
        ("(none)", "none", 1),
        ("all others", "others", 4),
    ]


def test_people_of_all_others_are_counted_once(client: Client) -> None:
    journeys = group(
        client,
        [
            "p | a | 2026-01-01 00:00:00, 2026-01-01 03:00:00, 2026-01-01 06:00:00",
            "p | b | 2026-01-01 09:00:00",
            "p | c | 2026-01-01 12:00:00",
            "q | b | 2026-01-01 00:00:00",
        ],
    )
    first, rest = most_frequent(journeys.total.sessions, journeys.exits, 1)
    assert list(first) == ["a"]
    assert rest
    assert (rest.sessions, rest.persons) == (3, 2)
    assert most_frequent(journeys.total.sessions, journeys.exits) == (journeys.exits, None)


PERIODS = [
    "p | a | 2026-10-24 23:50:00, 2026-11-01 12:00:00",
    "p | goal | 2026-10-25 00:10:00, 2026-11-01 12:01:00",
    "q | a | 2026-10-26 00:00:00",
]


@pytest.mark.parametrize(
    ("interval", "week_start", "expected"),
    [
        ("day", "monday", {"24 Oct": (0, 0), "25 Oct": (1, 1), "26 Oct": (1, 0), "1 Nov": (1, 1)}),
        ("week", "monday", {"19 Oct": (1, 1), "26 Oct": (2, 1)}),
        ("week", "sunday", {"18 Oct": (0, 0), "25 Oct": (2, 1), "1 Nov": (1, 1)}),
        ("month", "monday", {"1 Oct": (2, 1), "1 Nov": (1, 1)}),
    ],
)
def test_periods_have_the_sessions_that_began_in_them(
    client: Client, interval: Any, week_start: Any, expected: dict[str, tuple[int, int]]
) -> None:
    scope = replace(
        scope_of("2026-10-23", "2026-11-03"), interval=interval, week_start=week_start, timezone="Europe/Berlin"
    )
    capture(client, PERIODS)
    with asking(client.store, scope.as_of, "Europe/Berlin") as runner:
        journeys = ask(runner, JourneysQuery(by="event", goal="goal", periods=True), scope)
    counted = {
        f"{period.start:%-d %b}": (period.count.sessions, period.count.reached)
        for period in periods(journeys, journeys.groups[0])
    }
    assert {**counted, **expected} == counted
    assert sum(sessions for sessions, _ in counted.values()) == 3


def test_too_many_periods(client: Client) -> None:
    scope = replace(scope_of("2026-01-01", "2026-12-30"), interval="hour", breakdown="os", top=5)
    with pytest.raises(UsageError, match="8 712 hours of 6 groups"):
        journeys_of(client, [f"p{n} | a | 2026-01-01 00:00:00 | os=os{n}" for n in range(9)], scope, periods=True)


# Any log at all, beside a plain reading of it

EVENTS = st.tuples(st.sampled_from("pqr"), st.sampled_from("abcd"), st.integers(0, 60))
LOGS = st.lists(EVENTS, min_size=1, max_size=60)
DAYS = count()


def sessions(log: list[tuple[str, str, int]]) -> Iterator[tuple[str, list[str]]]:
    """Each session's person and steps; moments are multiples of five minutes."""
    for person, events in groupby(sorted((who, minute, step) for who, step, minute in log), lambda event: event[0]):
        ordered = [(minute, step) for _, minute, step in events]
        cuts = [0, *(n for n, (a, b) in enumerate(pairwise(ordered), 1) if b[0] - a[0] >= 6), len(ordered)]
        for begin, end in pairwise(cuts):
            yield person, [step for step, _ in groupby(step for _, step in ordered[begin:end])]


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(log=LOGS, steps=st.integers(2, 4))
def test_everything_adds_up(running: Client, log: list[tuple[str, str, int]], steps: int) -> None:
    day = at("2010-01-01") + timedelta(days=next(DAYS))  # of a decade that no other test has
    lines = [f"{who}|{step}|{day + timedelta(minutes=5 * m):%Y-%m-%d %H:%M:%S}" for who, step, m in log]
    journeys = group(running, lines, Scope(day, day + timedelta(days=1), YEAR.as_of), steps=steps)
    known = list(sessions(log))
    assert paths(journeys) == Counter(" ".join(way[:steps]) for _, way in known)
    assert {path: c.persons for path, c in journeys.paths.items()} == Counter(
        path for _, path in {(who, tuple(way[:steps])) for who, way in known}
    )
    edges = Counter((n, *pair) for _, way in known for n, pair in enumerate(pairwise(way[:steps]), 1))
    assert {(e.step, e.source, e.target): e.count.sessions for e in journeys.edges if e.target} == edges
    assert {page: c.sessions for page, c in journeys.exits.items()} == Counter(way[-1] for _, way in known)
    assert [c.sessions for c in journeys.at] == [
        len(known),
        *(n for n in (sum(len(way) >= k for _, way in known) for k in range(1, steps + 1)) if n),
    ]
    nothing_is_lost(journeys, JourneysQuery(by="event", steps=steps))
    ends = list(journeys.exits)
    for top in range(len(ends)):
        _, rest = most_frequent(len(known), journeys.exits, top)
        assert rest
        assert rest.persons == len({who for who, way in known if way[-1] in ends[top:]})
    if any("d" in way for _, way in known):
        to_d = group(running, [], Scope(day, day + timedelta(days=1), YEAR.as_of), steps=steps, goal="d")
        assert to_d.total.reached == to_d.journeys == sum("d" in way for _, way in known)
        nothing_is_lost(to_d, JourneysQuery(by="event", steps=steps, goal="d"))


def nothing_is_lost(journeys: JourneyGroup, query: JourneysQuery) -> None:
    total = journeys.total.sessions
    assert [sessions_beyond(total, parts.values()) for parts in (journeys.entries, journeys.exits)] == [0, 0]
    assert sessions_beyond(journeys.journeys, journeys.paths.values()) == 0
    for begin, tally in journeys.begins.items():
        below = sum(c.sessions for other, c in journeys.begins.items() if other[:-1] == begin)
        assert len(begin) == query.steps or begin[-1] == query.goal or tally.sessions == tally.stayed + below
    assert sum(line.sessions for line in lines(journeys) if not line.guides) == total
    drawn = flow(journeys, query)
    for column, stops in enumerate(drawn.columns):
        assert sum(stop.value for stop in stops) == journeys.at[column + 1].sessions
        for place, stop in enumerate(stops):
            out = sum(link[3] for link in drawn.links if link[:2] == (column, place))
            came = sum(link[3] for link in drawn.links if (link[0], link[2]) == (column - 1, place))
            assert column == 0 or came == stop.value
            assert column == len(drawn.columns) - 1 or out == (stop.value - stop.left) * (stop.name != query.goal)


def test_the_longest_bar_is_that_of_the_largest_share(client: Client) -> None:
    journeys = journeys_of(client, [f"p{n} | {event} | 2026-01-01 00:00:00" for n, event in enumerate("aabcd")])
    listings = [block for block in journeys_document(journeys, 1).blocks if isinstance(block, Listing) and block.fields]
    for listing in listings:
        bars = [view.cell(row).bar for view in views(listing) if view.label == "Share" for row in listing.table.rows]
        if listing.heading in ("Common paths", "Where they begin", "Where they end"):
            assert bars == [pytest.approx(2 / 3), 1.0]
