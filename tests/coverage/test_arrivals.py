"""What the queries say of events in a store: counted by hand."""

from datetime import UTC, datetime
from typing import Any

import pytest

from usertrack.core.errors import Unknown
from usertrack.coverage.arrivals import Arrivals, PropertyPresence, Releases, SentBy, ask_arrivals
from usertrack.coverage.values import ask_texts
from usertrack.server.database.store import Store

from ..product.logs import asking
from ..server.capture_fixtures import Client

PAGED: tuple[tuple[str, dict[str, list[str]]], ...] = (
    ("arrivals", {}),
    (
        "arrival_person_properties",
        {"releases": [*"abcdef"], "release_times": ["1970-01-01T00:00:00Z"] * 6, "aliases": [""], "alias_of": [""]},
    ),
)
AS_OF = datetime(2026, 11, 20, 12, tzinfo=UTC)


def ask(store: Store, **releases: Any) -> Arrivals:
    with asking(store, AS_OF) as runner:
        return ask_arrivals(runner, 3, Releases(**releases))


def event(name: str, at: str, who: str = "ann", **properties: Any) -> dict[str, object]:
    return {"event": name, "distinct_id": who, "timestamp": f"2026-11-{at}Z", "properties": properties}


def test_events_days_and_senders(store: Store, client: Client) -> None:
    client.send(
        event("a", "01T10:00:00"),
        event("a", "18T10:00:00", **{"$lib": "web", "$lib_version": "1.2"}),
        event("a", "20T09:00:00", **{"$lib": "web", "$lib_version": "1.3"}),
        event("a", "20T10:00:00", **{"$lib": "web", "$lib_version": "1.3"}),
        event("a", "20T12:00:01"),
        event("gone", "02T10:00:00"),
    )
    arrivals = ask(store).events
    a = arrivals["a"]
    assert (a.events, a.days) == (3, (1, 0, 2))
    assert (a.first_at, a.last_at) == (datetime(2026, 11, 1, 10), datetime(2026, 11, 20, 10))
    assert a.sent_by == [SentBy("web", "1.2", 1), SentBy("web", "1.3", 2)]
    assert (arrivals["gone"].events, arrivals["gone"].days) == (0, (0, 0, 0))


def test_properties_are_of_the_events_since_the_release(store: Store, client: Client) -> None:
    client.send(
        event("a", "18T10:00:00", early=1),
        event("a", "19T10:00:00", size=1, early=None, **{"$lib": "web"}),
        event("a", "20T10:00:00", sizes=2, size=3),
        event("b", "18T10:00:00", early=1),
    )
    arrivals = ask(store, events={"a": datetime(2026, 11, 19)}, aliases={"sizes": "size"}).events
    assert (arrivals["a"].total, arrivals["a"].properties) == (2, {"size": 2})
    assert (arrivals["b"].total, arrivals["b"].properties) == (1, {"early": 1})


def test_who_was_not_active_since_a_property_came_is_not_asked_for_it(store: Store, client: Client) -> None:
    client.send(
        event("$identify", "18T10:00:00", "old", **{"$set": {"role": "admin"}}),
        event("$identify", "20T10:00:00", "new", **{"$set": {"role": "member", "source": "github"}}),
        event("$identify", "20T11:00:00", "newer", **{"$set": {"role": None}}),
        event("$identify", "10T10:00:00", "away", **{"$set": {"role": "member"}}),
        event("page", "20T10:00:00", "visitor"),
    )
    persons = ask(store, persons={"role": datetime(2026, 11, 1), "source": datetime(2026, 11, 19), "x": AS_OF}).persons
    assert persons["role"] == PropertyPresence(2, 3)
    assert persons["source"] == PropertyPresence(1, 2)
    assert "x" not in persons
    assert PropertyPresence(0, 0).rate is None


def test_all_pages_of_what_has_a_row_a_name_are_read(store: Store, client: Client) -> None:
    names = list("abcdef")
    client.send(
        event("$identify", "20T10:00:00", **{"$set": dict.fromkeys(names, "x")}),
        *(event(name, "20T10:00:00", **{name: "x"}) for name in names),
    )
    with asking(store, AS_OF, page_rows=4) as runner:
        statements = [runner.bind(f"posthog/{name}", {"days": 3, **own}) for name, own in PAGED]
        read = [{row[0] for row in runner.table(statement).rows} for statement in statements]
        read.append(set(ask_texts(runner, 3)))
    assert [set(names) - each for each in read] == [set(), set(), set()]


def test_a_cut_answer_is_not_known(store: Store, client: Client) -> None:
    client.send(*(event("a", "20T10:00:00", **{name: 1}) for name in "abcdef"))
    with asking(store, AS_OF, page_rows=4) as runner, pytest.raises(Unknown, match="more rows than were read"):
        ask_arrivals(runner, 3, Releases())


def test_groups_are_those_that_events_name(store: Store, client: Client) -> None:
    def described(at: str, key: str, **properties: Any) -> dict[str, object]:
        return event("$groupidentify", at, **{"$group_type": "team", "$group_key": key, "$group_set": properties})

    client.send(
        described("01T10:00:00", "t1", plan="pro", repos=None),
        described("02T10:00:00", "t1", plan="starter"),
        described("02T10:00:00", "asleep", plan="pro"),
        event("a", "20T10:00:00", **{"$groups": {"team": "t1", "org": 7}}),
        event("a", "20T10:00:00", **{"$groups": {"team": "t2"}}),
    )
    groups = ask(store).groups
    assert groups[("team", "plan")] == PropertyPresence(1, 2)
    assert groups[("org", "")] == PropertyPresence(1, 1)
    assert ("team", "repos") not in groups
