"""New users, traffic and the data itself in a few lines each, for the short weekly report."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from usertrack.core.document import Paragraph
from usertrack.core.ordinary import MOST_WEEKS, NO_WEEKS, OrdinaryWeek, ordinary_week
from usertrack.core.table import NamedRow
from usertrack.core.words import growth, number
from usertrack.product.scorecard.numbers import Scorecard
from usertrack.product.scorecard.view import changes_words
from usertrack.reports.weekly import COUNTED, STEPS, Weekly
from usertrack.segments.history.ordinary import outside_words, range_words, weeks_words

_TOP = 5  # values in one line of a table; the others are counted


def new_user_facts(weekly: Weekly) -> Iterator[tuple[str, str]]:
    """Return how many signed up, how far they came, and what they did in the product."""
    if "new_users" in weekly.parts:
        by_step = {row["did"]: row for row in weekly.parts["new_users"].dicts()}
        steps = [
            f"{weekly.words(STEPS.get(name, name))} {_of_all(row['people'], row['share'])}"
            for name, row in by_step.items()
            if name != "signed_up" and row["people"]
        ]
        if "signed_up" in by_step:
            steps = [number(by_step["signed_up"]["people"]), *steps]
        yield "Signed up, and how far they came", " · ".join(steps)
    yield from _unknown(weekly, "new_users", "Signed up, and how far they came")
    yield from unknown_steps(weekly)
    if "new_people" in weekly.parts:
        yield "In the product, by its events (some block them)", _top(weekly, "new_people", "did", "people")
    yield from _unknown(weekly, "new_people", "In the product, by its events (some block them)")


def unknown_steps(weekly: Weekly) -> Iterator[tuple[str, str]]:
    """Yield what is unknown of new users where an entity cannot be read, and why."""
    lost = [name for name in _KINDS if name in weekly.missing]
    for name in lost:
        yield from _unknown(weekly, name, weekly.words(f"Their {_KINDS[name]}"))
    if lost:
        yield "Nothing else yet", "unknown: it rests on all of these"


def _of_all(people: int, share: float | None) -> str:
    return number(people) if share is None else f"{number(people)} ({100 * share:.0f} %)"


def traffic_facts(weekly: Weekly) -> Iterator[tuple[str, str]]:
    """Visits beside the week before, and where most of them went and came from, as far as that is recorded."""
    if "traffic" in weekly.parts:
        visits = week_count(weekly, "traffic")
        if visits.total:
            yield weekly.traffic_unit.capitalize(), visits.words
    yield from _unknown(weekly, "traffic", "Visits")
    for part, name, label in (
        ("pages", "page", "To"),
        ("referrers", "domain", "From"),
        ("countries", "country", "Countries"),
    ):
        if part in weekly.parts and any(row[0] not in _UNRECORDED for row in weekly.parts[part].rows):
            yield label, _top(weekly, part, name, weekly.traffic_unit)
        yield from _unknown(weekly, part, label)


_UNRECORDED = (None, "(not recorded)", "(no session)")
"""What queries call a page, referrer or country that no event tells."""


@dataclass(frozen=True)
class WeekCount:
    """What was counted in a week, its ``growth`` on the week before in words, and what is ordinary by the weeks before.

    Of a week that is not over, or that has no whole week before it, only the ``total`` is known.
    """

    total: int
    growth: str = ""
    ordinary: OrdinaryWeek = NO_WEEKS

    @property
    def changed(self) -> bool:
        """Whether the week lies outside what is ordinary."""
        return self.ordinary.side(self.total) in ("above", "below")

    @property
    def words(self) -> str:
        if not self.growth:
            return number(self.total)
        if self.ordinary.missing:
            return f"{number(self.total)}, {self.growth}; {self.ordinary.missing}"
        return f"{number(self.total)}, {self.growth} (ordinarily {range_words(self.ordinary)})"


def week_count(weekly: Weekly, part: str) -> WeekCount:
    """The count of the week by one of the parts `COUNTED`, beside its past; a day without a row has nothing."""
    counts_of: dict[str, Callable[[NamedRow], int | None]] = {
        "traffic": lambda row: row[weekly.traffic_unit],
        "sign_up_days": lambda row: row["people"],
        "run_days": lambda row: row["n"] - row["hits"],
    }
    by_day = {row["day"]: counts_of[part](row) for row in weekly.parts[part].dicts()}
    week = timedelta(days=7)
    weeks = [[by_day.get(day - week * back, 0) for day in weekly.week.days] for back in range(MOST_WEEKS, -1, -1)]
    total, before = (sum(count or 0 for count in counts) for counts in (weeks[-1], weeks[-2]))
    if not weekly.finished or not before or None in weeks[-2]:
        return WeekCount(total)
    first = next((at for at, counts in enumerate(weeks) if any(counts)), 0)
    past = weeks[first + (first > 0) : -1]  # the log may begin in the middle of its first week
    known = [sum(count or 0 for count in counts) for counts in past if None not in counts]
    ordinary = ordinary_week(known, "count", figures=weekly.figures)
    return WeekCount(total, f"{growth(total, before, 0)} on the week before", ordinary)


def changed_fact(weekly: Weekly) -> tuple[str, str]:
    """The metrics and counts of the week that are not as in an ordinary one, or why none is known to be."""
    names = {"sign_up_days": "Sign-ups", "run_days": weekly.words("Failed {runs}")}
    counts = {
        names.get(part) or weekly.traffic_unit.capitalize(): week_count(weekly, part)
        for part in COUNTED
        if part in weekly.parts
    }
    scores = weekly.scores.scores if isinstance(weekly.scores, Scorecard) else ()
    past = [score.ordinary for score in scores] + [count.ordinary for count in counts.values()]
    if all(week.missing for week in past):
        most = max((week.weeks for week in past), default=0)
        return "Not as in an ordinary week", f"not known: {OrdinaryWeek(most).missing}"
    changed = [
        *(changes_words(weekly.scores) if isinstance(weekly.scores, Scorecard) else ()),
        *(f"{name} {count.words}" for name, count in counts.items() if count.changed),
    ]
    return "Not as in an ordinary week", " · ".join(changed) or "nothing"


def changed_segments(weekly: Weekly) -> Iterator[Paragraph]:
    """Which segments are not as in an ordinary week. That is known by the history here, and no source can verify it."""
    moved = weekly.moved
    outside = " · ".join(words for *_, words in outside_words(moved.ordinary, moved.pair, moved.counts))
    too_few = weeks_words(moved.ordinary)
    if moved.ordinary:
        words = too_few or f"Segments that are not as in an ordinary week, by the history here: {outside or 'none'}"
        yield Paragraph(words, "dim" if too_few else "", verifiable=False)


def _top(weekly: Weekly, part: str, name: str, counted: str) -> str:
    rows = sorted((row for row in weekly.parts[part].dicts() if row[counted]), key=lambda row: -row[counted])
    top = [f"{weekly.labels.get(row[name], row[name]) or 'unknown'} {number(row[counted])}" for row in rows[:_TOP]]
    return " · ".join([*top, *([f"{number(len(rows) - _TOP)} more"] if len(rows) > _TOP else [])]) or "none"


def _unknown(weekly: Weekly, part: str, label: str) -> Iterator[tuple[str, str]]:
    if part in weekly.missing:
        yield label, f"unknown: {weekly.missing[part]}"


_KINDS = {
    "runs": "{runs}",
    "calls": "{tool_calls}",
    "code_runs": "{code_runs}",
    "agent_runs": "{agent_runs}",
    "deployments": "{custom_tools}",
}
"""What new users do, and neon/newest names, in words."""


def newest(weekly: Weekly) -> list[tuple[Any, ...]]:
    """(what, when its newest row is of) for each kind of row that the sources have; None where it is unknown."""
    known = [
        (weekly.words(_KINDS.get(row["kind"], row["kind"])), row["newest_at"])
        for part in ("newest_events", "newest_rows")
        if part in weekly.parts
        for row in weekly.parts[part].dicts()
    ]
    return [*known, *((weekly.words(label), None) for name, label in _KINDS.items() if name in weekly.missing)]
