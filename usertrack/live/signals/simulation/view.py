"""A simulation as a document."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Chart, Document, Facts, Field, Heatmap, Paragraph, Spark
from usertrack.core.period import as_stored, in_zone
from usertrack.core.words import number, people_words, plural
from usertrack.live.signals.simulation.numbers import PersonPinged, Simulation
from usertrack.live.signals.simulation.outcomes import BackTest, BackTests, Precision

_FEW = 10  # people: below it, a precision is a guess


def simulation_document(simulation: Simulation, tests: BackTests, timezone: str, notes: Sequence[str]) -> Document:
    """Return the document of a simulation and its outcomes."""
    since, until = in_zone(simulation.since, timezone), in_zone(simulation.until, timezone)
    people, events = simulation.presence.people, simulation.presence.events
    columns = _pattern_columns(simulation, tests)
    days = f"{since.day} {since:%b} to {until.day} {until:%b %Y}"
    return Document(
        title="What your patterns would have done",
        subtitle=f"{days} · {people_words(people)}, {number(events)} events",
        blocks=tuple(_blocks(simulation, tests, timezone)),
        notes=(*_undecided(simulation), *notes),
        data=lambda: _json(simulation, tests),
        table=columns.table(tests.tests, "alerts_simulate", timezone=timezone),
        timezone=timezone,
        as_of=as_stored(simulation.until),
    )


def _blocks(simulation: Simulation, tests: BackTests, timezone: str) -> list[Block]:
    days, messages = simulation.days, simulation.messages
    by_day = simulation.by_day
    pinged, troubled = {reached.person for reached in simulation.pinged}, simulation.troubled
    reached = len(troubled & pinged)
    most = max(range(len(by_day)), key=by_day.__getitem__)
    busiest = in_zone(datetime.fromtimestamp(simulation.since.timestamp() + most * 86_400, UTC), timezone)
    reach = f"{number(reached)} of {people_words(len(troubled))}" + (
        f" ({reached / len(troubled) * 100:.0f} %)" if troubled else ""
    )
    known = len(simulation.presence.last)
    before = known - simulation.presence.people
    seen_before = f", {number(before)} of them seen only before" if before else ""
    blocks: list[Block] = [
        Facts(
            (
                ("messages a day", f"{len(messages) / days:.1f}"),
                ("people pinged", f"{number(len(pinged))} of {number(known)}{seen_before}"),
                ("with an error or a rage click", f"{reach} pinged"),
                *((f"messages to {name}", number(count)) for name, count in simulation.by_channel.items()),
            )
        ),
        _pattern_columns(simulation, tests).listing(tests.tests, "By pattern", limit=0),
        Paragraph(_explanation(tests, timezone), "dim"),
        Spark("messages a day", by_day, f"most: {by_day[most]} on {busiest.day} {busiest:%b}"),
    ]
    if simulation.curve:
        curve = simulation.curve
        factors = [f"×{factor:g}" for factor in curve.factors]
        series: dict[str, Sequence[float | None]] = {
            simulation.names[id_]: values for id_, values in curve.by_pattern.items() if any(values)
        }
        caption = "every threshold of a pattern, times so much; all others likewise"
        blocks += [
            Chart(
                "trend", "Messages a day, by how strict the patterns are", factors, {"all": curve.total}, "", caption
            ),
            _curve_columns(factors).listing([("all together", curve.total), *series.items()], limit=0),
        ]
    blocks += _overlap(simulation)
    if pinged:
        blocks.append(_people_columns().listing(simulation.pinged, "Who would have been pinged most", limit=5))
    return blocks


def _pattern_columns(simulation: Simulation, tests: BackTests) -> Columns[BackTest]:
    outcome, days = tests.outcome, simulation.days
    fired = {id_: sum(alert.pattern == id_ for alert in simulation.fired) for id_ in simulation.names}

    def holdout(test: BackTest) -> Precision:
        return test.holdout

    return Columns(
        Attribute("pattern", "VARCHAR", lambda test: test.pattern, Field("Pattern", "tag")),
        Attribute("people", "BIGINT", lambda test: len(simulation.people_of(test.pattern)), Field("People", "number")),
        Attribute("alerts", "BIGINT", lambda test: fired[test.pattern], Field("Alerts", "number")),
        Attribute(
            "messages_a_day",
            "DOUBLE",
            lambda test: round(simulation.messages_of(test.pattern) / days, 3),
            Field("Messages a day", align="right"),
            lambda test: f"{simulation.messages_of(test.pattern) / days:.1f}",
        ),
        Attribute(
            "precision",
            "DOUBLE",
            lambda test: holdout(test).share,
            Field(f"Then {outcome.text}", align="right"),
            _share,
        ),
        Attribute("precision_low", "DOUBLE", lambda test: holdout(test).interval.low),
        Attribute("precision_high", "DOUBLE", lambda test: holdout(test).interval.high),
        Attribute("people_tested", "BIGINT", lambda test: holdout(test).people),
        Attribute(
            "base",
            "DOUBLE",
            lambda test: holdout(test).base,
            Field("Others", align="right"),
            lambda t: _percent(t.holdout.base),
        ),
        Attribute("lift", "DOUBLE", lambda test: holdout(test).lift, Field("Lift", align="right"), _lift),
        Attribute("lift_low", "DOUBLE", lambda test: holdout(test).lift_interval.low),
        Attribute("lift_high", "DOUBLE", lambda test: holdout(test).lift_interval.high),
        Attribute("precision_earlier", "DOUBLE", lambda test: test.earlier.share),
        Attribute("people_earlier", "BIGINT", lambda test: test.earlier.people),
        Attribute(
            "lead_days", "DOUBLE", lambda test: test.lead_days, Field("Lead time", align="right", spare=True), _lead
        ),
    )


def _curve_columns(factors: Sequence[str]) -> Columns[tuple[str, Sequence[float | None]]]:
    def value(place: int) -> Attribute[tuple[str, Sequence[float | None]]]:
        return Attribute(
            factors[place],
            "DOUBLE",
            lambda row: row[1][place],
            Field(factors[place], align="right"),
            lambda row: f"{row[1][place] or 0:.1f}",
        )

    return Columns(
        Attribute("pattern", "VARCHAR", lambda row: row[0], Field("Messages a day")), *map(value, range(len(factors)))
    )


def _people_columns() -> Columns[PersonPinged]:
    return Columns(
        Attribute("person", "VARCHAR", lambda person: person.name or person.person, Field("Person", "text")),
        Attribute("messages", "BIGINT", lambda person: person.messages, Field("Messages", "number")),
        Attribute(
            "patterns", "VARCHAR", lambda person: ", ".join(person.patterns), Field("Patterns", "text", grows=True)
        ),
    )


def _overlap(simulation: Simulation) -> list[Block]:
    """Return the shares of a pattern's people that other patterns have, too; nothing for fewer than two."""
    people = {id_: simulation.people_of(id_) for id_ in simulation.names}
    ids = [id_ for id_, of in people.items() if of]
    if len(ids) < 2:
        return []
    shares = [[None if a == b else len(people[a] & people[b]) / len(people[a]) for b in ids] for a in ids]
    caption = "of the people of the pattern at the left, the share whom the one above pings, too"
    return [Heatmap("Overlap", ids, ids, shares, "percent", caption, "pattern")]


def _explanation(tests: BackTests, timezone: str) -> str:
    middle, until = in_zone(tests.middle, timezone), in_zone(tests.until, timezone)
    what = tests.outcome.explanation
    if tests.until <= tests.since:
        return f"{tests.outcome.text}: {what}. The time is too short to say what came of it: --days must be longer."
    half = f"{middle.day} {middle:%b} to {until.day} {until:%b}"
    return (
        f"{tests.outcome.text}: {what}. Of those first pinged in the later half of the time, {half}. "
        "Others: all who were active on the same days. Intervals are of 95 %."
    )


def _undecided(simulation: Simulation) -> list[str]:
    return [
        f"{id_}: {plural(count, 'time')} nothing was said: it is unknown whether it is about the person"
        for id_, count in simulation.undecided.items()
    ]


def _share(test: BackTest) -> str:
    precision = test.holdout
    low, high = precision.interval.low, precision.interval.high
    if precision.share is None or low is None or high is None:
        return "–"
    return f"{_percent(precision.share)} ({low * 100:.0f}–{high * 100:.0f}), n={precision.people}"


def _lift(test: BackTest) -> str:
    lift = test.holdout.lift
    return "–" if lift is None else f"{lift:.1f}×" if test.holdout.people >= _FEW else f"({lift:.1f}×)"


def _lead(test: BackTest) -> str:
    return "–" if test.lead_days is None else f"{test.lead_days:.1f} d"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.0f} %"


def _json(simulation: Simulation, tests: BackTests) -> dict[str, Any]:
    curve = simulation.curve
    return {
        "since": simulation.since,
        "until": simulation.until,
        "people": simulation.presence.people,
        "events": simulation.presence.events,
        "alerts": len(simulation.fired),
        "messages": len(simulation.messages),
        "messages_a_day": len(simulation.messages) / simulation.days,
        "messages_by_day": simulation.by_day,
        "messages_by_channel": simulation.by_channel,
        "people_pinged": len(simulation.pinged),
        "people_in_trouble": len(simulation.troubled),
        "people_in_trouble_pinged": len(simulation.troubled & {reached.person for reached in simulation.pinged}),
        "outcome": {"text": tests.outcome.text, "explanation": tests.outcome.explanation},
        "holdout": {"since": tests.middle, "until": tests.until},
        "patterns": _pattern_columns(simulation, tests).dicts(tests.tests),
        "overlap": [{"patterns": list(pair), "people": count} for pair, count in simulation.overlap.items() if count],
        "pinged": _people_columns().dicts(simulation.pinged),
        "curve": curve and {"factors": curve.factors, "messages_a_day": curve.by_pattern, "all": curve.total},
    }
