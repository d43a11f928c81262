"""The sections on new users and traffic of the weekly report, and the origins of its queries."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Chart, Facts, Field, Listing, Paragraph, Section
from usertrack.core.period import in_zone
from usertrack.core.sections import unknown_paragraph
from usertrack.product.scope import ANYBODY
from usertrack.reports.weekly import STEPS, Weekly
from usertrack.reports.weekly_facts import unknown_steps

TOP = 10  # rows of a list, unless --limit says otherwise


def new_users(weekly: Weekly) -> Iterator[Section]:
    step = {"did": Field("New users"), "people": Field("People", "number"), "share": Field("Share", "bar", full=1.0)}
    event = {"did": Field("What they did"), "people": Field("People", "number"), "times": Field("Times", "number")}
    inner: tuple[Block, ...] = (
        *_part(weekly, "new_users", "Accounts", step, limit=0, first=lambda step: STEPS.get(step, step)),
        *([Facts(lost)] if (lost := tuple(unknown_steps(weekly))) else []),
        *_part(
            weekly, "new_people", "In the product", event, limit=TOP, first=lambda name: weekly.labels.get(name, name)
        ),
    )
    if inner:
        whom = Paragraph("who has an account; in the product, who has an e-mail", "dim")
        yield Section("What new users did", (whom, *inner))


def _part(
    weekly: Weekly,
    part: str,
    heading: str,
    fields: Mapping[str, Field],
    limit: int,
    first: Callable[[str], str] | None = None,
) -> Iterator[Section]:
    """One query's answer with its name, or its error; nothing where the query rests on what is absent here.

    ``first`` makes words of the values of the first column.
    """
    if part not in weekly.statements:
        return
    if part not in weekly.parts:
        yield Section(heading, (unknown_paragraph(weekly.missing[part]),), weekly.origins(part))
        return
    table = weekly.parts[part]
    rows = [(weekly.words(first(row[0])), *row[1:]) for row in table.rows] if first else list(table.rows)
    in_memory = replace(table, rows=rows)
    block = Listing(in_memory, fields=dict(fields), columns=tuple(fields), limit=limit)
    yield Section(heading, (block if in_memory.rows else Paragraph("none", "dim"),), weekly.origins(part))


def traffic(weekly: Weekly) -> Iterator[Block]:
    if "traffic" not in weekly.statements:
        return
    known = weekly.traffic_unit == "visits" if "traffic" in weekly.parts else True
    units = ("visits", "visitors", "pageviews") if known else ("visitors", "pageviews")
    counted = {name: Field(name.capitalize(), "number") for name in units}
    by = {name: counted[name] for name in units[:2]}
    yield Section(
        "Traffic",
        (
            Paragraph(ANYBODY, "dim"),
            *_days(weekly),
            *_part(weekly, "pages", "Top pages", {"page": Field("Page"), **counted}, TOP),
            *_part(weekly, "referrers", "Top referrers", {"domain": Field("Domain"), **by}, TOP),
            *_part(weekly, "countries", "Top countries", {"country": Field("Country"), **by}, TOP),
        ),
    )


@dataclass(frozen=True)
class _Day:
    """The counts of a day, and of the day a week ``before``."""

    label: str
    counts: Mapping[str, Any]
    before: Mapping[str, Any]


def _days(weekly: Weekly) -> Iterator[Section]:
    if "traffic" not in weekly.parts:
        yield from _part(weekly, "traffic", "Per day", {}, 0)
        return
    by_day = {row["day"]: row for row in weekly.parts["traffic"].dicts()}
    today = in_zone(weekly.as_of, weekly.week.zone).date()
    week = timedelta(days=7)
    unit = weekly.traffic_unit
    rows = [
        _Day(
            f"{day:%a} {day.day} {day:%b}" + ("" if _is_over(day, today, weekly) else " (not over)"),
            by_day[day],
            by_day.get(day - week, {}),
        )
        for day in weekly.week.days
        if day in by_day
    ]
    weeks = {
        str(weekly.week): weekly.week.days,
        f"{weekly.week.before}, the week before": [day - week for day in weekly.week.days],
    }
    series = {
        name: [by_day[day][unit] if day in by_day and _is_over(day, today, weekly) else None for day in days]
        for name, days in weeks.items()
    }
    known = unit == "visits"
    caption = "visits that began on each day" if known else ""
    chart = Chart("trend", f"{unit.capitalize()} per day", weekly.week.days, series, caption=caption)
    columns: Columns[_Day] = Columns(
        Attribute("day", "VARCHAR", "label", Field("Day")),
        Attribute(unit, "BIGINT", lambda day: day.counts[unit], Field(unit.capitalize(), "number")),
        Attribute("before", "BIGINT", lambda day: day.before.get(unit), Field("A week before", "number")),
        Attribute("visitors", "BIGINT", lambda day: day.counts["visitors"], Field("Visitors", "number")),
        *(
            [Attribute("pageviews", "BIGINT", lambda day: day.counts["pageviews"], Field("Pageviews", "number"))]
            * known
        ),
    )
    listing = columns.listing(rows, limit=0)
    why = () if known else (Paragraph(_NO_VISITS, "warning"),)
    yield Section("Per day", (*why, chart, listing), weekly.origins("traffic"))


_NO_VISITS = "visits are not known of days on which no pageview has a $session_id: this week is counted in pageviews"


def _is_over(day: date, today: date, weekly: Weekly) -> bool:
    return day < today or (day == today and weekly.finished)
