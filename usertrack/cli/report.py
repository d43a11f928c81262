"""`usertrack report`: a week, a person, a segment or activity as a file whose figures can be verified."""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import complete
from usertrack.cli.activity_report import gather_activity
from usertrack.cli.common import Common
from usertrack.cli.filters import with_filters
from usertrack.cli.options import AllMembers, Limit, Pseudonyms, SetName, with_common
from usertrack.reports.filters import Filters, scope_of, scope_of_segment, week_start

if TYPE_CHECKING:
    from usertrack.cli.session import Session
    from usertrack.core.document import Document
    from usertrack.reports.recipe import Recipe
    from usertrack.segments.history.week_ago import WeekAgoQuery

report = typer.Typer(
    no_args_is_help=True,
    help="""Reports in Markdown, HTML or JSON, in which every figure names its query.

    `usertrack report weekly -o week.html` · the last week that is over

    `usertrack report activity -o activity.html` · the last 30 days of everybody, as a dashboard

    `usertrack report verify week.html` · checks every figure against the sources""",
)


@report.command("weekly")
@with_common
def weekly(
    week: Annotated[
        str,
        typer.Option("--week", metavar="WEEK", help="ISO week such as 2026-W46; default: the last week that is over."),
    ] = "",
    set_name: SetName = "action",
    limit: Limit = None,
    full: Annotated[
        bool, typer.Option("--full", help="Write the full report: every metric, list, page and note, with charts.")
    ] = False,
    pseudonyms: Pseudonyms = False,
    *,
    common: Common,
) -> None:
    """Report on a week: what changed, new people to act on, what failed, how many came, where traffic is from.

    `usertrack report weekly -o week.html` · short, for Monday morning

    `usertrack report weekly --full -o week.html` · all of it, with charts

    `usertrack report weekly --week 2026-W46 -f markdown`
    """
    from usertrack.cli.session import open_session
    from usertrack.core.period import parse_week
    from usertrack.product.scorecard.numbers import listed_metrics
    from usertrack.reports.weekly import moments

    with open_session(common) as session:
        iso_week = parse_week(week, session.settings["timezone"], session.runner.as_of)
        as_of, _ = moments(iso_week, session.runner.as_of)
        recipe = replace(
            _recipe(session, "weekly", str(iso_week), set_name, limit),
            as_of=as_of,
            metrics="\n".join(listed_metrics(session.runner.library, session.settings.values["metrics"])) or None,
            sections="\n".join(_listed_sections(session)) or None,
            full=full,
        )
        _emit(session, recipe, pseudonyms=pseudonyms)


def _listed_sections(session: "Session") -> list[str]:
    from usertrack.segments.rules import read_rules
    from usertrack.workspace.files import rules_path
    from usertrack.workspace.weekly_sections import listed_sections

    return listed_sections(session.settings.values["sections"], read_rules(rules_path(session.settings)).names)


@report.command("user")
@with_common
def user(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The person's e-mail.", show_default=False)],
    limit: Limit = None,
    pseudonyms: Pseudonyms = False,
    *,
    common: Common,
) -> None:
    """Report on one person: all that `usertrack user` shows.

    `usertrack report user lena@northwind.example -o lena.html`
    """
    from usertrack.cli.session import open_session

    with open_session(common) as session:
        _emit(session, _recipe(session, "user", email, "action", limit), pseudonyms=pseudonyms)


@report.command("segment")
@with_common
def segment(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The segment.", show_default=False, autocompletion=complete.segments_of_set
        ),
    ],
    set_name: SetName = "action",
    all_members: AllMembers = False,
    limit: Limit = None,
    pseudonyms: Pseudonyms = False,
    *,
    common: Common,
) -> None:
    """Report on a segment: whom to act on and why, and who entered and left since last week.

    `usertrack report segment failing -o failing.md`
    """
    from usertrack.cli.session import open_session

    with open_session(common) as session:
        recipe = replace(_recipe(session, "segment", name, set_name, limit), all_members=all_members)
        _emit(session, recipe, pseudonyms=pseudonyms)


@report.command("activity")
@with_filters("interval", "breakdown", "top")
def activity(limit: Limit = None, pseudonyms: Pseudonyms = False, *, filters: Filters, common: Common) -> None:
    """Report on activity: active people, sessions, features, journeys, retention, cohorts, segments, on one page.

    `usertrack report activity -o activity.html` · the last 30 days, one file with charts, for e-mail and print

    `usertrack report activity --segment power --days 90 -o power.html`

    `usertrack report activity --where "properties.$os = 'Linux'" --since 2026-10-01 -o linux.md`
    """
    from usertrack.cli.session import open_session
    from usertrack.product.scope import Range, Scope

    with open_session(common) as session:
        as_of, zone = session.runner.as_of, session.settings["timezone"]
        since, until = Range(filters.since, filters.until, filters.days).window(as_of, zone, 30)
        recipe = replace(
            _recipe(session, "activity", Scope(since, until, as_of, timezone=zone).window, "action", limit),
            since=since.isoformat(),
            until=until.isoformat(),
            week_start=week_start(session, filters.week_start, "week"),
            segment=filters.segment,
            people=filters.people or session.settings["people"],
            where=filters.where,
        )
        _emit(session, recipe, pseudonyms=pseudonyms)


@report.command("verify")
@with_common
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A report: Markdown, HTML or JSON.", show_default=False)],
    *,
    common: Common,
) -> None:
    """Query every figure of a report again, as of the same moment; exits with 5 when one differs or text was changed.

    Facts that the sources have only as of today, such as credits, cannot be checked for the past: they are listed, and
    are no mismatch. Exits with 6 when a source did not answer: figures of the other one were checked.

    `usertrack report verify week.html`
    """
    from usertrack.cli.session import open_session
    from usertrack.core.errors import UsageError
    from usertrack.render import pages
    from usertrack.reports.verify import compare, read_report
    from usertrack.reports.verify_view import raise_mismatch, verify_document

    embedded = read_report(file)
    if embedded.pseudonyms and embedded.recipe.kind == "user":
        raise UsageError(f"'{file}' has a pseudonym instead of the person's e-mail", "verify a report with e-mails")
    with open_session(replace(common, timezone=embedded.recipe.timezone, refresh=True)) as session:
        _require_sources(session, embedded.recipe)
        again = _build_report(session, embedded.recipe, keep=False, pseudonyms=embedded.pseudonyms)
        assert again.provenance is not None
        body = partial(pages.text, again, embedded.format, embedded.recipe.limit)
        unanswered = {name: error.message for name, error in session.runner.unanswered.items()}
        findings = compare(embedded, again.provenance, body, session.runner.now, unanswered)
        session.emit(verify_document(embedded, findings))
        session.incomplete = False  # `raise_mismatch` says which parts are
        raise_mismatch(embedded, findings)


def _recipe(session: "Session", kind: str, subject: str, set_name: str, limit: int | None) -> "Recipe":
    """The recipe of a new report; raises UsageError for a format that it does not have, before anything is asked."""
    from usertrack.cli.output import require_page_format
    from usertrack.cli.session import format_of
    from usertrack.reports.recipe import Recipe
    from usertrack.sources.identity import origin_of

    if kind != "segment":  # which has its people as a table, too
        require_page_format(format_of(session.settings, session.common))
    runner, settings = session.runner, session.settings
    sources = origin_of(settings, runner.now)
    return Recipe(kind, subject, runner.as_of, runner.now, settings["timezone"], sources, set_name, limit)


def _require_sources(session: "Session", recipe: "Recipe") -> None:
    from usertrack.core.errors import UsageError
    from usertrack.sources.identity import origin_of

    ours = origin_of(session.settings, session.runner.now)
    if ours != recipe.sources:
        raise UsageError(
            f"the report is of other sources: {recipe.sources or 'none'}, not {ours}",
            "verify it in the workspace in which it was made: `--workspace FOLDER`, or `--demo`",
        )


def _emit(session: "Session", recipe: "Recipe", *, pseudonyms: bool) -> None:
    """Make the report and write it, with notes on what is incomplete."""
    from usertrack.cli import diagnostics
    from usertrack.cli.session import format_of
    from usertrack.core.sections import with_unanswered
    from usertrack.render import pages

    document = _build_report(session, recipe, pseudonyms=pseudonyms)
    document, warning = with_unanswered(document, session.runner.unanswered)
    session.incomplete = session.incomplete or bool(warning)
    session.emit(document, recipe.limit)
    if warning:
        diagnostics.note(warning)
    if format_of(session.settings, session.common) == "markdown":
        _say_if_too_long(sum(map(len, pages.render(document, "markdown", recipe.limit))))


_ISSUE = 65_536  # characters that GitHub takes as the body of an issue


def _say_if_too_long(characters: int) -> None:
    from usertrack.cli import diagnostics
    from usertrack.core.words import number

    if characters > _ISSUE:
        diagnostics.note(
            f"the report has {number(characters)} characters; a GitHub issue takes {number(_ISSUE)}: "
            "use a smaller --limit, or HTML"
        )


def _build_report(session: "Session", recipe: "Recipe", *, keep: bool = True, pseudonyms: bool = False) -> "Document":
    """The report that ``recipe`` describes; ``keep`` records its classifications in the history."""
    makers: dict[str, Callable[[], Document]] = {
        "weekly": lambda: _weekly(session, recipe, keep=keep),
        "user": lambda: _user(session, recipe),
        "segment": lambda: _segment(session, recipe, keep=keep),
        "activity": lambda: _activity(session, recipe),
    }
    document = makers[recipe.kind]()
    return session.pseudonymised(document, recipe.limit) if pseudonyms else document


def _weekly(session: "Session", recipe: "Recipe", *, keep: bool) -> "Document":
    from usertrack.core.period import parse_week
    from usertrack.plan.read import read_plan
    from usertrack.reports.weekly import gather, moments
    from usertrack.reports.weekly_view import weekly_document
    from usertrack.workspace.files import new_plan_path

    week = parse_week(recipe.subject, recipe.timezone, recipe.as_of)
    query = _week_ago_query(session, recipe, keep=keep)
    query = replace(query, earlier=moments(week, recipe.as_of)[1])
    session.progress.expect(2 * len(query.rules.queries) + 8)
    plan, metrics = new_plan_path(session.settings), (recipe.metrics or "").splitlines()
    labels = read_plan(plan).labels if plan.is_file() else {}
    weekly = gather(session.runner, week, query, session.progress.done, metrics, labels)
    session.runner.finish()
    session.incomplete = weekly.incomplete
    session.mark_incomplete(weekly.classification.profiles)
    return weekly_document(weekly, asdict(recipe), recipe.timezone, _templates(session), recipe.limit)


def _user(session: "Session", recipe: "Recipe") -> "Document":
    from usertrack.reports.dossier import dossier
    from usertrack.reports.dossier_view import person_report
    from usertrack.reports.members import profile_origins

    session.runner = session.runner.at(recipe.as_of)
    profiles = session.profile_of(session.rules(), recipe.subject)
    person = dossier(session.runner, profiles, recipe.subject)
    session.incomplete = session.incomplete or bool(person.missing)
    session.name = str(person.values.get("name") or "")
    profile = profile_origins(profiles, profiles.queries)
    return person_report(person, profile, asdict(recipe), recipe.timezone, _templates(session), recipe.limit)


def _segment(session: "Session", recipe: "Recipe", *, keep: bool) -> "Document":
    from usertrack.reports.segment import segment_document
    from usertrack.segments.history.week_ago import ask_both, classify_both

    query = _week_ago_query(session, recipe, keep=keep)
    [segment_id] = query.segment_set.require([recipe.subject])
    session.progress.expect(2 * len(query.rules.queries))
    answers, _ = ask_both(session.runner, query, done=session.progress.done)
    session.runner.finish()
    classification, moved = classify_both(answers)
    session.mark_incomplete(classification.profiles)
    return segment_document(
        classification,
        moved,
        segment_id,
        asdict(recipe),
        recipe.timezone,
        _templates(session),
        recipe.limit,
        all_members=recipe.all_members,
    )


def _activity(session: "Session", recipe: "Recipe") -> "Document":
    from usertrack.reports.activity import activity_query
    from usertrack.reports.activity_view import activity_page

    session.runner = session.runner.at(recipe.as_of)
    filters = Filters(
        recipe.since,
        recipe.until,
        week_start=recipe.week_start,
        people=recipe.people or "all",
        where=recipe.where,
    )
    scope = scope_of(session, filters)
    rules = session.rules()
    if recipe.segment:
        rules.set_of(recipe.segment)  # a wrong name is an error before any query runs
    profiles = session.profiles(rules)
    if recipe.segment:
        scope = scope_of_segment(session, scope, recipe.segment, profiles, rules)
    answers = gather_activity(session, activity_query(session.settings, scope), profiles, rules)
    return activity_page(answers, asdict(recipe), _templates(session), recipe.limit)


def _week_ago_query(session: "Session", recipe: "Recipe", *, keep: bool) -> "WeekAgoQuery":
    from usertrack.segments.history.file import history_file
    from usertrack.segments.history.snapshots import WEEK
    from usertrack.segments.history.week_ago import WeekAgoQuery

    rules = session.rules()
    place = history_file(session.settings, session.runner.now)
    segment_set = rules.set_or_usual(recipe.set_name)
    return WeekAgoQuery(rules, segment_set, recipe.as_of, recipe.as_of - WEEK, place, keep)


def _templates(session: "Session") -> Path | None:
    """The workspace's own templates, where it has any."""
    from usertrack.workspace.files import relative_path
    from usertrack.workspace.folder import exists

    own = relative_path(session.settings.root) / "templates" if session.settings.root else None
    return own if own and exists(own, folder=True) else None


def register(app: typer.Typer) -> None:
    app.add_typer(report, name="report", rich_help_panel="People")
