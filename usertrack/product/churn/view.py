"""Churn as a document: how many leave, how long people stay, who is likely to leave, and how good that forecast is."""

from collections.abc import Iterator
from dataclasses import replace

from usertrack.core.document import Block, Document, Facts, Heatmap, Paragraph, Section, Spark
from usertrack.core.stats import ConfidenceInterval
from usertrack.core.words import number, people_words, plural
from usertrack.product import shares
from usertrack.product.ask import all_others_note
from usertrack.product.churn import export
from usertrack.product.churn.export import REGULAR, characteristics, days_silent, has_trend, percent, segment_name
from usertrack.product.churn.numbers import FEWEST, LIKELY, Churn, ChurnGroup
from usertrack.product.shares import Share, label

_DAYS = (1, 7, 14, 30, 60, 90, 180, 365)  # the points of the curve that a table shows


def churn_document(churn: Churn) -> Document:
    """Rate, lifetime, risk, its back-test; files hold what `export` has."""
    scope, gone = churn.scope, churn.gone
    too_new = sum(group.too_new for group in churn.groups)
    notes = (
        *narrowed_notes(churn),
        f"lifetime: Kaplan-Meier from the first event to the first {plural(churn.gone, 'day')} of silence; who is"
        " still here counts for as long as that is known",
        f"risk: {export.METHOD}; segments of fewer than {FEWEST} are not judged",
        *(
            [f"in no lifetime yet: {people_words(too_new)} who came in the last {plural(churn.gone, 'day')}"]
            if too_new
            else []
        ),
        *_trend_notes(churn),
        *all_others_note(churn.table, churn.scope),
    )
    return Document(
        title="Churn",
        subtitle=" · ".join(
            [
                scope.window,
                f"left: {plural(gone, 'whole day')} without {churn.event or 'any event'}",
                *scope.conditions,
                *(scope.weeks if has_trend(churn) else []),
            ]
        ),
        blocks=tuple(_blocks(churn)),
        notes=notes,
        data=lambda: export.as_json(churn, notes),
        table=export.table(churn),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def _blocks(churn: Churn) -> Iterator[Block]:
    counted = churn.scope.counted_people
    for group in churn.groups:
        blocks = (*_rate(group, churn), *_lifetime(group))
        yield Section(churn.scope.heading(group.name) or counted[0].upper() + counted[1:], blocks)
    if churn.paid:
        yield Section("Customers, by the accounts' own word", (export.PERIODS.listing(churn.paid),))
    yield Section(f"Who is about to leave, of {number(sum(risk.people for risk in churn.risks))}", tuple(_risk(churn)))
    yield Section("What marks those who left", (_marks(churn),))
    yield Section("Back-test", (_tested(churn),))


def _rate(group: ChurnGroup, churn: Churn) -> Iterator[Block]:
    if group.trend:
        yield from shares.blocks(group.name, group.trend, churn.scope, export.TREND)
    elif group.periods:
        yield export.PERIODS.listing(group.periods)
    else:
        yield Paragraph("churn rate: not known, the history is shorter than two periods")


def _lifetime(group: ChurnGroup) -> Iterator[Block]:
    life = group.lifetime
    if not life.points:
        yield Paragraph("lifetime: nobody began early enough to tell")
        return
    days = [life.at(day) for day in range(int(life.horizon) + 1)]
    ends = f"{100 * life.points[-1].share:.0f} % after {plural(int(life.horizon), 'day')}"
    yield Spark("Still here, day 0 on", [None if point is None else 100 * point.share for point in days], ends)
    yield export.SURVIVAL.listing(
        (float(day), point) for day in _DAYS if day <= life.horizon and (point := life.at(day)) is not None
    )
    yield Facts(
        (
            ("median lifetime", _days(life.median, life.median_interval, "not reached: less than half have left")),
            (f"mean, up to {plural(int(life.horizon), 'day')}", _days(life.mean, life.mean_interval, "")),
            ("people", f"{number(life.n)}: {number(life.ended)} left, {number(life.n - life.ended)} have not yet"),
        )
    )


def _days(value: float | None, interval: ConfidenceInterval, otherwise: str) -> str:
    if value is None:
        return otherwise
    low, high = ("?" if bound is None else f"{bound:.1f}".removesuffix(".0") for bound in (interval.low, interval.high))
    days = f"{value:.1f}".removesuffix(".0")
    return f"{days} day{'s' * (days != '1')} (95 %: {low} to {high})"


def _risk(churn: Churn) -> Iterator[Block]:
    by_segment = {risk.segment: risk for risk in churn.risks}
    silences = {silent: text for silent in range(3) if (text := days_silent(silent, churn.gone))}
    values = [
        [
            by_segment[segment].past.value if (segment := (regular, silent)) in by_segment else None
            for silent in silences
        ]
        for regular in REGULAR
    ]
    yield Heatmap(
        "Risk to leave in the next period",
        [f"active on {text}" for text in REGULAR.values()],
        list(silences.values()),
        values,
        "percent",
        corner="silent for",
        steps=(0.1, 0.25, 0.5, 0.75),
    )
    risks = sorted(churn.risks, key=lambda risk: -(risk.past.value or 0.0))
    yield export.risk_columns(churn.gone).listing(risks)
    if marked := tuple(
        (segment_name(risk.segment, churn.gone), "; ".join(characteristics(risk))) for risk in risks if risk.marks
    ):
        yield Section("What marks them", (Facts(marked),))


def _marks(churn: Churn) -> Block:
    if not churn.marks:
        return Paragraph("nothing tells them from those who stayed: no fact differs for sure")
    first = churn.marks[0]
    more = f"of {number(first.share.n)} who left and {number(first.other_share.n)} who stayed"
    return replace(export.MARKS.listing(churn.marks, limit=12), more=more)


def _tested(churn: Churn) -> Block:
    test = churn.test
    if test is None:
        return Paragraph(f"not possible: the history is shorter than {3 * churn.gone} days, three periods")
    return Facts(
        (
            ("the rule", f"who is in a segment of which {percent(LIKELY)} or more left before is held to leave"),
            ("as of", f"one period ago, learnt from the period before that, on {people_words(test.base.n)}"),
            ("precision", _share(test.precision, "of those it named left")),
            ("recall", _share(test.recall, "of those who left were named")),
            ("a trivial rule", "who was silent for half of the period is held to leave"),
            ("its precision", _share(test.trivial_precision, "of those it named left")),
            ("its recall", _share(test.trivial_recall, "of those who left were named")),
            ("without a rule", _share(test.base, "of all left")),
        )
    )


def _share(share: Share, of: str) -> str:
    if share.value is None:
        return "undefined, n=0"
    hits = f"{number(share.hits)} of {number(share.n)} {of}"
    return f"{percent(share.value, 1)} (95 %: {label(share.interval)}): {hits}"


def narrowed_notes(churn: Churn) -> list[str]:
    """Note that anonymous visitors are not counted, unless the user chose whom to count."""
    narrowed = churn.scope.is_usual and churn.scope.population == "identified"
    return ["churn: most people are anonymous visitors, who are left out; `--people all` counts them, too"] * narrowed


def _trend_notes(churn: Churn) -> Iterator[str]:
    if not has_trend(churn):
        return
    unit = churn.scope.interval
    silence = f"{plural(churn.gone, 'whole day')} of silence"
    yield f"here: active in the {unit}, or on both sides of it with less than {silence} in between"
    yield f"left: in the {unit} of the last event before {silence}, and not back in it"
    still = f"{plural(churn.gone, 'day')} after their end are not over"
    yield from shares.note([group.trend for group in churn.groups], churn.scope, still)
