"""When a pattern holds, and what the engine says of it: to the second, each time at its edge."""

import json
from pathlib import Path

import pytest

from tests.live.signals.events import START, event, patterns_of, signals_of, summary
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.snapshot import unsaved
from usertrack.live.signals.state import StateFile

ERRORS = "errors: {when: {count: $exception, more_than: 3, within: 5m}}"
QUIET = "quiet: {when: {none: any, within: 15m}}"


def test_more_than_three_errors_within_five_minutes(tmp_path: Path) -> None:
    patterns = patterns_of(tmp_path, ERRORS)
    assert summary(signals_of(patterns, [event(at, "$exception") for at in (0, 100, 200, 299)])) == [
        "errors firing 299",
        "errors resolved 300",  # when the first one is five minutes ago
    ]
    assert not signals_of(patterns, [event(at, "$exception") for at in (0, 100, 200, 300)])
    assert not signals_of(patterns, [event(at, "$exception", person) for at in (0, 9) for person in ("ann", "bob")])


def test_what_does_not_happen_is_found_when_it_is_due(tmp_path: Path) -> None:
    patterns = patterns_of(tmp_path, QUIET)
    assert summary(signals_of(patterns, [event(0), event(600), event(2000)])) == [
        "quiet firing 1500",
        "quiet resolved 2000",
        "quiet firing 2900",
    ]


def test_who_is_quiet_for_too_long_is_gone(tmp_path: Path) -> None:
    patterns = patterns_of(tmp_path, "quiet: {when: {none: any, within: 15m, at_most: 1h}}")
    assert summary(signals_of(patterns, [event(0)])) == ["quiet firing 900", "quiet resolved 3600"]


def test_a_rule_that_holds_for_a_while_stays_a_while_and_rests(tmp_path: Path) -> None:
    patterns = patterns_of(tmp_path, f"{ERRORS[:-1]}, for: 30s, keep_firing_for: 1m, cooldown: 10m}}")
    burst = [event(at + n, "$exception") for at in (0, 600, 1200) for n in range(4)]
    assert summary(signals_of(patterns, burst)) == [
        "errors pending 3",
        "errors firing 33",
        "errors recovering 300",
        "errors resolved 360",
        # those at 600 come within the ten minutes of rest
        "errors pending 1203",
        "errors firing 1233",
        "errors recovering 1500",
        "errors resolved 1560",
    ]


def test_stuck_is_who_is_seen_to_be_there_longer_than_most_and_in_trouble(tmp_path: Path) -> None:
    stuck = """
stuck:
  when: [{time_on_route: visible, more_than: p95}, {count: $rageclick, more_than: 0, within: 10m}]
  per: tab
  because: "{seconds_on_page} s on {page}, usually {usual_seconds}"
"""
    usual = [
        event(at, "$pageview", f"p{number}", route)
        for number in range(60)
        for at, route in ((number * 100, "/a"), (number * 100 + 20, "/b"))
    ]
    angry = [event(7000, route="/a"), event(7005, "$rageclick", route="/a")]
    reads = [event(7000, person="bob", route="/a"), event(7050, "$autocapture", "bob", "/a")]
    left = [event(7000, person="cleo"), event(7001, "$rageclick", "cleo"), event(7005, "$pageleave", "cleo")]
    signals = signals_of(patterns_of(tmp_path, stuck), [*usual, *angry, *reads, *left])
    assert summary(signals) == ["stuck firing 7022.63", "stuck resolved 7065"]
    assert (signals[0].person, signals[0].because) == ("ann", "23 s on /a, usually 23")


@pytest.mark.parametrize(
    ("way", "after", "said"),
    [("open", 500, "500 s"), ("visible", 50, "50 s")],
    ids=["since it was opened", "visibly without progress"],
)
def test_the_time_on_page_is_that_of_the_rule(tmp_path: Path, way: str, after: int, said: str) -> None:
    long = f"""
long: {{when: {{time_on_route: {way}, more_than: {after}s}}, per: tab, because: "{{seconds_on_page}} s"}}
"""
    seen = [event(0, "$pageview"), event(40, "export_done"), event(80, "$autocapture", tab="two")]
    signals = signals_of(patterns_of(tmp_path, long), [*seen, event(2000, person="other")])
    assert [signal.because for signal in signals if signal.state.value == "firing"][:1] == [said]


def test_back_and_forth_in_one_tab_is_not_two_tabs(tmp_path: Path) -> None:
    thrash = "thrash: {when: {sequence: [$pageview A, $pageview B, $pageview A], within: 1m}, per: tab}"
    patterns = patterns_of(tmp_path, thrash)
    routes = ["/a", "/b", "/a"]
    assert summary(signals_of(patterns, [event(at, route=route) for at, route in enumerate(routes)]))[:1] == [
        "thrash firing 2"
    ]
    assert not signals_of(patterns, [event(at, route=route, tab=route) for at, route in enumerate(routes)])
    reload = ["/a", "/a", "/b", "/c"]
    assert not signals_of(patterns, [event(at, route=route) for at, route in enumerate(reload)])


def test_who_leaves_has_not_gone_quiet_but_who_stops_in_the_middle_has(tmp_path: Path) -> None:
    quiet = """
quiet:
  when:
    - {unfinished: "*_started", until: "*_done", within: 2h}
    - {none: any, within: 15m}
"""
    patterns = patterns_of(tmp_path, quiet)
    assert not signals_of(patterns, [event(0), event(5, "$pageleave")])
    assert not signals_of(patterns, [event(0, "signup_started"), event(60, "signup_done")])
    assert summary(signals_of(patterns, [event(0, "signup_started"), event(60)])) == [
        "quiet firing 960",
        "quiet resolved 7200",
    ]


def test_the_same_error_of_many_people_is_one_incident(tmp_path: Path) -> None:
    patterns = patterns_of(
        tmp_path,
        """
errors:
  when: {count: $exception, more_than: 1, within: 5m}
  per: fingerprint
  incident: {people: 3, within: 10m}
""",
    )
    people = [f"p{number}" for number in range(9)]
    met = [
        event(at + number, "$exception", person, message=f"row {number} is missing")
        for at in (0, 20)
        for number, person in enumerate(people)
    ]
    signals = signals_of(patterns, met)
    assert summary(signals) == ["errors firing 2", "errors resolved 626"]
    assert (signals[0].person, signals[0].labels["incident"], signals[0].facts["people"]) == ("", "yes", 3)


def test_a_late_event_counts_where_it_belongs_and_one_of_yesterday_not_at_all(tmp_path: Path) -> None:
    engine = Engine(patterns_of(tmp_path, ERRORS))
    times = (0, 5000, 5100, 5290, 5200, 5000 - 86_400)  # in the order in which they come
    signals = engine.run(event(at, "$exception") for at in times)
    assert summary(signals) == ["errors firing 5290"]
    assert engine.late == 1


def test_what_fires_for_two_persons_that_are_one_fires_for_that_one(tmp_path: Path) -> None:
    engine = Engine(patterns_of(tmp_path, ERRORS))
    visitor = [event(at, "$exception", "visitor", distinct_id="device") for at in range(4)]
    assert summary(engine.run(visitor)) == ["errors firing 3"]
    signals = engine.run([event(10, "$identify", "ann", distinct_id="device")])
    assert [(each.person, each.state) for each in signals] == [("visitor", "resolved"), ("ann", "firing")]
    assert list(engine.people) == ["ann"]


def test_counts_of_two_persons_that_are_one_add_up(tmp_path: Path) -> None:
    mixed = [event(0, "$exception", "visitor", distinct_id="device"), event(1, "$exception", "ann")]
    merged = [event(at, "$exception", "ann", distinct_id="device") for at in (2, 3)]
    assert summary(Engine(patterns_of(tmp_path, ERRORS)).run([*mixed, *merged])) == ["errors firing 3"]


def test_a_pattern_that_is_edited_while_it_fires_ends_and_begins_anew(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    engine = Engine(patterns_of(tmp_path, f"{ERRORS}\n{QUIET}"))
    engine.run(event(at, "$exception") for at in range(4))
    state.save(engine)
    edited = Engine(patterns_of(tmp_path, f"{ERRORS.replace('3', '2')}\n{QUIET}"))
    state.load(edited)
    signals = edited.taken()
    assert summary(signals) == ["errors resolved 3"]
    assert signals[0].because == "the pattern was changed or taken out while it fired"
    edited.run([event(4, "$pageview")])
    edited.advance(START + 2000)
    assert summary(edited.taken()) == ["quiet firing 904"]


def test_names_of_markup_are_text(tmp_path: Path) -> None:
    form = "form: {when: {count: form_submit, more_than: 0, within: 1m}, because: 'in {form}'}"
    patterns = patterns_of(tmp_path, form)
    hostile = "[bold]{count}<b>%s 😀"
    assert signals_of(patterns, [event(0, "form_submit", form=hostile)])[0].because == f"in {hostile}"


def test_ten_thousand_events_of_one_session_leave_little(tmp_path: Path) -> None:
    engine = Engine(patterns_of(tmp_path, f"{ERRORS}\n{QUIET}"))
    engine.run(event(at, "$exception", uuid=str(at)) for at in range(10_000))
    assert len(dump(engine)) < 2000


def test_ever_new_errors_of_one_person_are_forgotten(tmp_path: Path) -> None:
    engine = Engine(patterns_of(tmp_path, f"{ERRORS[:-1]}, per: fingerprint}}"))
    engine.run(event(at / 10, "$exception", uuid=str(at), fingerprint=f"{at}") for at in range(2000))
    assert len(engine.people["ann"].instances) < 250


def test_who_did_nothing_for_long_is_forgotten_unless_that_is_what_fires(tmp_path: Path) -> None:
    engine = Engine(
        patterns_of(tmp_path, "quiet: {when: [{none: any, within: 15m}, {count: x, more_than: 0, within: 9d}]}")
    )
    engine.run([event(0, "x", "ann"), event(0, person="bob"), event(2000, person="cleo")])
    engine.forget(START + 1500)
    assert sorted(engine.people) == ["ann", "cleo"]


def dump(engine: Engine) -> str:
    return json.dumps(unsaved(engine).people)


def test_each_tab_is_an_alert_of_its_own_and_all_have_one_cooldown(tmp_path: Path) -> None:
    stuck = "stuck: {when: {count: $rageclick, more_than: 0, within: 5m}, per: tab, cooldown: 30m}"
    clicks = [event(at, "$rageclick", tab=tab) for at, tab in [(0, "one"), (60, "two"), (400, "three")]]
    signals = signals_of(patterns_of(tmp_path, stuck), clicks)
    assert [each.key for each in signals] == [f"stuck:ann:ann's:{tab}" for tab in ("one", "two", "one", "two")]


def test_a_cooldown_outlasts_the_tab_in_which_it_began(tmp_path: Path) -> None:
    stuck = "stuck: {when: {count: $rageclick, more_than: 0, within: 5m}, per: tab, cooldown: 2h}"
    engine = Engine(patterns_of(tmp_path, stuck))
    signals = engine.run(event(at, "$rageclick", session=str(at)) for at in (0, 3000, 7100, 7600))
    assert summary(signals) == ["stuck firing 0", "stuck resolved 300", "stuck firing 7600"]
    engine.run([event(16_000, session="later")])
    assert not engine.people["ann"].instances  # of tabs that were left, nothing remains


def test_a_share_fires_until_a_window_after_the_last_event(tmp_path: Path) -> None:
    share = "share: {when: {share: $exception, of: $pageview, within: 5m, more_than: 40%, at_least: 4}}"
    seen = [event(at, "$pageview") for at in (0, 10, 20)] + [event(at, "$exception") for at in (30, 40, 50)]
    assert summary(signals_of(patterns_of(tmp_path, share), seen)) == ["share firing 50", "share resolved 350"]


def test_an_event_counts_only_with_the_property_that_is_asked_for(tmp_path: Path) -> None:
    sent = "sent: {when: {count: {event: $autocapture, event_type: submit}, more_than: 0, within: 5m}}"
    events = [event(10, "$autocapture", event_type="click"), event(20, "$autocapture", event_type="submit")]
    assert summary(signals_of(patterns_of(tmp_path, sent), events))[0] == "sent firing 20"


def test_a_step_of_two_words_is_an_event_and_no_place(tmp_path: Path) -> None:
    steps = "came: {when: {sequence: [Sign Up, Log In], within: 5m}}"
    events = [event(0, "Sign"), event(1, "Log"), event(10, "Sign Up"), event(20, "Log In")]
    assert summary(signals_of(patterns_of(tmp_path, steps), events))[0] == "came firing 20"


@pytest.mark.parametrize(("people", "resolved"), [(2, []), (3, ["errors resolved 21"])])
def test_an_incident_of_a_pattern_that_is_taken_out_ends(tmp_path: Path, people: int, resolved: list[str]) -> None:
    when = "when: {count: $exception, more_than: 1, within: 5m}"
    errors = f"errors: {{{when}, per: fingerprint, incident: {{people: 3, within: 10m}}}}"
    state, engine = StateFile(tmp_path), Engine(patterns_of(tmp_path, errors))
    engine.run(
        event(at, "$exception", f"p{n}", uuid=f"{n}{at}", message="gone") for at in (20, 21) for n in range(people)
    )
    state.save(engine)
    without = Engine(patterns_of(tmp_path, QUIET))
    state.load(without)
    assert summary([signal for signal in without.taken() if not signal.person]) == resolved
