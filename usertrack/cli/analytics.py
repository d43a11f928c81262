"""The commands of product analytics: trends, funnel, retention, cohorts, lifecycle, stickiness, features and churn."""

from typing import Annotated

import typer

from usertrack.cli import complete
from usertrack.cli.common import Common
from usertrack.cli.filters import PANEL, emit_analysis, with_filters
from usertrack.cli.options import Limit, Pseudonyms
from usertrack.reports.filters import Filters, periods_of, scope_of

Periods = Annotated[
    int | None,
    typer.Option(
        "--periods", min=1, max=400, help="How many periods, up to and with the current one.", show_default=False
    ),
]


@with_filters()
def trends(
    events: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[EVENT]...",
            help="What is counted, a series each; a|b: either; a[CONDITION]: only if it is true. Default: any event.",
            show_default=False,
        ),
    ] = None,
    math: Annotated[
        list[str] | None,
        typer.Option(
            "--math",
            metavar="MATH",
            help="total, dau (people), weekly_active, monthly_active, unique_session, first_time; of a property: sum, "
            "avg, min, max, median, p75, p90, p95, p99. Once, or once for each series.",
            show_default="total",
        ),
    ] = None,
    of: Annotated[
        list[str] | None,
        typer.Option(
            "--of", metavar="PROPERTY", help="The property that sum, avg, … are of. Once, or for each series."
        ),
    ] = None,
    formula: Annotated[
        str | None,
        typer.Option("--formula", metavar="FORMULA", help="One line from all series, which it calls A, B, …: 'A / B'."),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option("--compare", metavar="TIME", help="`previous`: the time before; or the date on which it begins."),
    ] = None,
    cumulative: Annotated[bool, typer.Option("--cumulative", help="Add up the periods.")] = False,
    smooth: Annotated[
        int, typer.Option("--smooth", metavar="N", min=1, max=400, help="The mean of N periods, up to and with each.")
    ] = 1,
    display: Annotated[
        str, typer.Option("--display", metavar="HOW", help="line, bar, table (a row per period) or number.")
    ] = "line",
    who: Annotated[bool, typer.Option("--who", help="List the people who are counted, instead.")] = False,
    periods: Periods = None,
    limit: Limit = None,
    pseudonyms: Pseudonyms = False,
    *,
    filters: Filters,
    common: Common,
) -> None:
    """How often something happens over time, by how many people, and how much.

    `usertrack trends` · all events by day, the last 30 days

    `usertrack trends user_signed_up run_completed --math dau --interval week` · people who did it

    `usertrack trends run_completed --math p90 --of duration_ms --breakdown '$browser'`

    `usertrack trends user_signed_up '$pageview' --math dau --formula 'A / B * 100'` · visitors who sign up, in percent

    `usertrack trends '$pageview' --compare previous -o traffic.html`

    `usertrack trends user_signed_up --days 7 --who -o new.csv` · the people behind it
    """
    from usertrack.cli.session import open_session
    from usertrack.core.errors import UsageError
    from usertrack.core.series import Formula
    from usertrack.library.events import EventStep
    from usertrack.product.events import event_notes, step_of
    from usertrack.product.scope import one_of
    from usertrack.product.trends.numbers import TrendsQuery, ask, compared_begin, people, series_of
    from usertrack.product.trends.view import Display, series_people_document, trends_document

    with open_session(common) as session:
        how: Display = one_of(display, Display, "--display")
        scope = scope_of(session, filters)
        if filters.interval is not None or periods is not None:
            scope = periods_of(scope, filters, periods, 30 if scope.interval in ("day", "hour") else 12)
        steps = [step_of(session.runner, text) for text in events or []] or [EventStep("", ())]
        query = TrendsQuery(
            series_of(steps, math or [], of or []),
            Formula(formula, len(steps)) if formula else None,
            compared_begin(scope, compare) if compare else None,
            cumulative,
            smooth,
        )
        notes = event_notes(session.runner, events or [])
        if who and (len(steps) > 1 or filters.breakdown):
            raise UsageError(
                "--who lists the people of one series, without a --breakdown", "--where leaves some of them"
            )
        if who:
            document = series_people_document(query.series[0], scope, people(session.runner, query.series[0], scope))
        else:
            document = trends_document(ask(session.runner, query, scope), how)
        emit_analysis(session, scope, session.pseudonymised(document) if pseudonyms else document, limit, notes)


@with_filters()
def funnel(
    steps: Annotated[
        list[str],
        typer.Argument(
            metavar="STEP...",
            help=r"Events, or the name of a funnel. a|b: either event; a[CONDITION]: only if it is true; '*': any "
            r"event; write `\|` and `\[` in names.",
            autocompletion=complete.funnels,
        ),
    ],
    window: Annotated[
        str | None,
        typer.Option("--window", metavar="TIME", help="Time to convert in, from the first step: 14d, 12h, 30m, none."),
    ] = None,
    order: Annotated[str | None, typer.Option("--order", help="ordered, strict or unordered.")] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="EVENT", help="Leave out people who do this between steps; may be repeated."),
    ] = None,
    stopped_at: Annotated[
        int | None,
        typer.Option("--stopped-at", metavar="STEP", min=1, help="List people who stopped at this step: 1, 2, …"),
    ] = None,
    periods: Periods = None,
    limit: Limit = None,
    pseudonyms: Pseudonyms = False,
    *,
    filters: Filters,
    common: Common,
) -> None:
    """How many people go from step to step, how long it takes them, and where they stop.

    `usertrack funnel activation` · a funnel of funnels.yaml

    `usertrack funnel user_signed_up "mcp_connect_clicked[properties.template_name = 'Gmail']" --window 7d`

    `usertrack funnel activation --breakdown '$geoip_country_code' --top 3`

    `usertrack funnel user_signed_up '*' run_completed --window none` · any event in between, without a time limit

    `usertrack funnel activation --interval week` · conversion by the week of the first step

    `usertrack funnel activation --stopped-at 2 -o stuck.csv` · who stopped at the second step
    """
    from dataclasses import replace
    from functools import partial

    from usertrack.cli.session import open_session
    from usertrack.core.errors import UsageError
    from usertrack.product.events import event_notes, events_of, step_of
    from usertrack.product.funnel.numbers import Order, ask, dropped, funnel_of, named_funnels, parse_window
    from usertrack.product.funnel.view import funnel_document, stopped_document
    from usertrack.product.scope import one_of
    from usertrack.workspace.files import funnel_paths

    with open_session(common) as session:
        definition = funnel_of(steps, named_funnels(funnel_paths(session.settings)), partial(step_of, session.runner))
        definition = replace(
            definition,
            window=parse_window(window) if window is not None else definition.window,
            order=one_of(order, Order, "--order") if order else definition.order,
            exclusions=(
                *definition.exclusions,
                *(name for text in exclude or [] for name in events_of(session.runner, text) or [text]),
            ),
        )
        if stopped_at is not None and stopped_at > len(definition.steps):
            raise UsageError(
                f"the funnel has {len(definition.steps)} steps, not {stopped_at}", "--stopped-at takes one of them"
            )
        if stopped_at is not None and filters.breakdown:
            raise UsageError(
                "--stopped-at lists everybody who stopped at a step, without a --breakdown",
                "--where \"person.properties.plan = 'pro'\" leaves the people of one value",
            )
        trend = filters.interval is not None or periods is not None
        scope = scope_of(session, filters, interval="week" if trend else "day")
        notes = event_notes(session.runner, steps if len(steps) > 1 else [])
        if trend:
            scope = periods_of(scope, filters, periods, scope.reaching(definition.window or 0, 12))
        if stopped_at is None:
            document = funnel_document(ask(session.runner, definition, scope, trend=trend))
        else:
            people = dropped(session.runner, definition, scope, stopped_at)
            document = stopped_document(definition, scope, stopped_at, people)
        emit_analysis(session, scope, session.pseudonymised(document) if pseudonyms else document, limit, notes)


Target = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="EVENT", help="Event or step that puts a person into the cohort, as in `usertrack funnel`."
    ),
]
Returning = Annotated[
    str,
    typer.Option("--returning", metavar="EVENT", help="Event or step that counts as coming back; default: any event."),
]


@with_filters()
def retention(
    kind: Annotated[str, typer.Option("--type", help="first-time or recurring.")] = "first-time",
    periods: Periods = None,
    target: Target = None,
    returning: Returning = "",
    minimum: Annotated[int, typer.Option("--minimum", min=1, help="How often a person must do it in a period.")] = 1,
    limit: Limit = None,
    *,
    filters: Filters,
    common: Common,
) -> None:
    """Retention: of people who began in a week (day, month, hour), the share who came back in each later one.

    `usertrack retention` · by the week of a person's first event, the last 8 weeks

    `usertrack retention --target user_signed_up --returning run_completed --period day --periods 14`

    `usertrack retention --type recurring --target feature_used --segment power`
    """
    from usertrack.cli.session import open_session
    from usertrack.product.events import event_notes
    from usertrack.product.retention.numbers import Kind, RetentionQuery, ask
    from usertrack.product.retention.view import retention_document
    from usertrack.product.scope import one_of

    with open_session(common) as session:
        scope = periods_of(scope_of(session, filters, interval="week"), filters, periods, 8)
        question = RetentionQuery(target or "", returning, one_of(kind, Kind, "--type"), minimum)
        notes = event_notes(session.runner, [question.target, returning])
        emit_analysis(session, scope, retention_document(ask(session.runner, question, scope)), limit, notes)


@with_filters()
def cohorts(
    weeks: Annotated[
        int | None,
        typer.Option("--weeks", "--periods", min=1, max=200, help="How many weeks, up to and with this one."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="EVENT",
            help="Event that cohorts begin with; default: the signup, `events.signed_up` in usertrack.yaml.",
        ),
    ] = None,
    returning: Returning = "",
    limit: Limit = None,
    *,
    filters: Filters,
    common: Common,
) -> None:
    """Cohorts by the week of signup, and the share who came back on day 1, 7, 14, 30, 60 and 90.

    `usertrack cohorts` · the last 15 weeks, with one retention curve over all of them

    `usertrack cohorts --breakdown person.plan --top 3` · a table and a curve for each plan

    `usertrack cohorts --returning run_completed --weeks 26 -o cohorts.csv`
    """
    from usertrack.cli.session import open_session
    from usertrack.product.events import event_notes
    from usertrack.product.retention.numbers import COHORT_WEEKS, RetentionQuery, ask_days, ask_sign_ups
    from usertrack.product.retention.view import cohorts_document

    with open_session(common) as session:
        scope = periods_of(scope_of(session, filters, interval="week"), filters, weeks, COHORT_WEEKS)
        notes = event_notes(session.runner, [target or "", returning])
        if target is None:
            retention = ask_sign_ups(session.runner, session.settings["events.signed_up"], returning, scope)
        else:
            retention = ask_days(session.runner, RetentionQuery(target, returning), scope)
        emit_analysis(session, scope, cohorts_document(retention), limit, notes)


Active = Annotated[
    str,
    typer.Option("--event", metavar="EVENT", help="Event that makes a person active; a|b: either; default: any event."),
]


@with_filters()
def lifecycle(
    event: Active = "", periods: Periods = None, limit: Limit = None, *, filters: Filters, common: Common
) -> None:
    """Lifecycle by period: new people, returning ones, those back after a pause, and those who have gone.

    `usertrack lifecycle` · the last 12 weeks

    `usertrack lifecycle --interval day --periods 14 --event run_completed`
    """
    from usertrack.cli.session import open_session
    from usertrack.product.events import event_notes
    from usertrack.product.lifecycle.numbers import ask_lifecycle
    from usertrack.product.lifecycle.view import lifecycle_document

    with open_session(common) as session:
        scope = periods_of(scope_of(session, filters, interval="week"), filters, periods, 12)
        notes = event_notes(session.runner, [event])
        emit_analysis(session, scope, lifecycle_document(ask_lifecycle(session.runner, event, scope)), limit, notes)


@with_filters()
def stickiness(
    event: Active = "", periods: Periods = None, limit: Limit = None, *, filters: Filters, common: Common
) -> None:
    """Stickiness: on how many days (weeks, months) of the range people were active.

    `usertrack stickiness` · the last 14 days

    `usertrack stickiness --event feature_used --interval week --since 2026-09-01`
    """
    from usertrack.cli.session import open_session
    from usertrack.product.events import event_notes
    from usertrack.product.lifecycle.numbers import ask_stickiness
    from usertrack.product.lifecycle.view import stickiness_document

    with open_session(common) as session:
        scope = periods_of(scope_of(session, filters), filters, periods, 14)
        notes = event_notes(session.runner, [event])
        emit_analysis(session, scope, stickiness_document(ask_stickiness(session.runner, event, scope)), limit, notes)


@with_filters()
def features(
    event: Annotated[
        str,
        typer.Option(
            "--event", metavar="EVENT", help="Event that is the use of a feature; a|b: either; default: feature_used."
        ),
    ] = "",
    name: Annotated[
        str | None,
        typer.Option(
            "--property", metavar="NAME", help="Property that names the feature; '': the event itself is the feature."
        ),
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option("--category", metavar="NAME", help="Only this category; may be repeated.")
    ] = None,
    periods: Periods = None,
    limit: Limit = None,
    *,
    filters: Filters,
    common: Common,
) -> None:
    """Which features people use: adoption, retention, time spent, trend, and features that nobody uses.

    `usertrack features` · the last 8 weeks

    `usertrack features --category build --interval day --periods 14`

    `usertrack features --event mcp_connect_clicked --property template_name`

    `usertrack features --event 'run_completed|api_call_made' --property ''` · each event is a feature
    """
    from usertrack.cli.session import open_session
    from usertrack.product.ask import require_known
    from usertrack.product.events import event_notes
    from usertrack.product.features.numbers import ask, feature_source
    from usertrack.product.features.view import features_document

    with open_session(common) as session:
        scope = periods_of(scope_of(session, filters, interval="week"), filters, periods, 8)
        source = feature_source(session.settings, event, name)
        if name:
            require_known(session.runner, [name], scope.since, scope.until)
        notes = event_notes(session.runner, [event])
        usage = ask(session.runner, source, scope, category or [])
        emit_analysis(session, scope, features_document(usage), limit, notes)


@with_filters()
def churn(
    event: Active = "",
    gone: Annotated[
        int,
        typer.Option(
            "--gone", metavar="DAYS", min=1, max=400, help="Days without an event after which a person has left."
        ),
    ] = 30,
    periods: Periods = None,
    limit: Limit = None,
    *,
    filters: Filters,
    common: Common,
) -> None:
    """Churn: how many people leave, how long they stay, who is at risk, and how often that was right in the past.

    `usertrack churn` · the last year; who has no event for 30 whole days has left

    `usertrack churn --gone 14 --event 'run_completed|api_call_made'`

    `usertrack churn --interval month` · the share that left in each month

    `usertrack churn --breakdown person.plan -o churn.html` · lifetimes by plan
    """
    from usertrack.cli.session import open_session
    from usertrack.product.churn.numbers import ask
    from usertrack.product.churn.view import churn_document
    from usertrack.product.events import event_notes

    with open_session(common) as session:
        trend = filters.interval is not None or periods is not None
        scope = scope_of(session, filters, days=365, interval="month" if trend else "day")
        if trend:
            scope = periods_of(scope, filters, periods, len(scope.starts))
        notes = event_notes(session.runner, [event])
        result = ask(session.runner, event, gone, scope, trend=trend)
        emit_analysis(session, scope, churn_document(result), limit, notes)


def register(app: typer.Typer) -> None:
    for command in (trends, funnel, retention, cohorts, lifecycle, stickiness, features, churn):
        app.command(rich_help_panel=PANEL)(command)
