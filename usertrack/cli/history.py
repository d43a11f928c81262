"""`usertrack history`: what became of the segments over time, and a past for those who begin today."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from usertrack.cli import complete
from usertrack.cli.common import Common
from usertrack.cli.options import Limit, SetName, with_common

if TYPE_CHECKING:
    from datetime import datetime

    from usertrack.segments.history.file import HistoryFile
    from usertrack.segments.history.snapshots import Snapshot
    from usertrack.workspace.settings import Settings

history = typer.Typer(invoke_without_command=True)


@history.callback()
@with_common
def show(
    context: typer.Context,
    set_name: SetName = "action",
    segment: Annotated[
        list[str] | None,
        typer.Option("--segment", "-s", help="Only this segment.", autocompletion=complete.segments_of_set),
    ] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", metavar="EMAIL", help="One person's path.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="DATE", help="Nothing before this.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="Nothing after this.")] = None,
    before: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Compare this date …; default: a week before --to.")
    ] = None,
    after: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="… with this one; default: the last snapshot.")
    ] = None,
    view: Annotated[
        str | None, typer.Option("--view", help="Only this part: sizes, transitions, moves or dwell.")
    ] = None,
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """What became of the segments: sizes over time, who moved and why, how long people stay.

    Every answer of `usertrack segments` is kept; `usertrack history backfill` makes a past at once.

    `usertrack history --segment failing` · who entered and left, and which fact changed

    `usertrack history --from 2026-10-01 --to 2026-11-01 --view moves -o moves.csv`

    `usertrack history --user lena@northwind.example`
    """
    if context.invoked_subcommand:
        _require_no_options(context)
        return
    from usertrack.cli.common import settings_of
    from usertrack.cli.session import emit, say_demo
    from usertrack.core.spool import connect
    from usertrack.segments.history.file import open_history
    from usertrack.segments.history.person_view import path_document
    from usertrack.segments.history.timeline import HistoryQuery, best_of_days, build_timeline, person_path
    from usertrack.segments.history.view import timeline_document
    from usertrack.segments.rules import read_rules
    from usertrack.workspace.files import rules_path

    settings = settings_of(common)
    rules = read_rules(rules_path(settings))
    rules.set_named(set_name)
    say_demo(settings)
    zone = settings["timezone"]
    place, connection = _open_file_of(settings), connect()
    with open_history(connection, place):
        snapshots = _require_snapshots(
            connection, place, set_name, _bound(since, zone, 0), _bound(until or settings["as_of"], zone, 1)
        )
        days = best_of_days(snapshots, zone)
        if user is not None:
            document = path_document(rules.key, user.strip().lower(), person_path(connection, days, user), zone)
        else:
            only = _segment_ids(snapshots, segment or [])
            first, last = _middle_of_day(before, zone), _middle_of_day(after, zone)
            query = HistoryQuery(set_name, rules.key, only, before=first, after=last)
            document = timeline_document(build_timeline(connection, snapshots, days, query), only, zone, view)
    emit(document, settings, common, limit)


@history.command("backfill")
@with_common
def backfill(
    weeks: Annotated[int, typer.Option("--weeks", min=1, max=520, help="How many weeks back.")] = 8,
    set_name: Annotated[str | None, typer.Option("--set", help="Only this set; default: all of them.")] = None,
    *,
    common: Common,
) -> None:
    """Classify the weeks before now, so that there is a history at once.

    Events and rows are counted as they stood then. What the sources keep only as of today, such as credits and how
    a run ended, cannot be: notes name it. Weeks that have a snapshot by the same rules are left alone.

    `usertrack history backfill --weeks 12`
    """
    from usertrack.cli.session import open_session
    from usertrack.segments.history.backfill import backfill as fill
    from usertrack.segments.history.view import backfill_document

    with open_session(common) as session:
        rules = session.rules()
        segment_sets = [rules.set_named(set_name)] if set_name else list(rules.sets.values())
        place = _require_history(session.settings, session.runner.now)
        result = fill(session.runner, rules, segment_sets, place, weeks, session.progress)
        session.incomplete = result.incomplete
        session.emit(backfill_document(result, session.settings["timezone"]))


@history.command("forget")
@with_common
def forget(
    day: Annotated[str, typer.Argument(metavar="DATE", help="A day, or a minute of it.", show_default=False)],
    set_name: SetName = "action",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    *,
    common: Common,
) -> None:
    """Take the snapshots of a day out of the history, such as those of an outage. Asks first; a script says --yes.

    `usertrack history forget 2026-11-20`

    `usertrack history forget 2026-11-20T09:00 --set lifecycle --yes`
    """
    from datetime import timedelta

    from usertrack.cli import diagnostics
    from usertrack.cli.common import settings_of
    from usertrack.core.period import span
    from usertrack.core.spool import connect
    from usertrack.core.words import plural
    from usertrack.segments.history.file import open_history
    from usertrack.segments.history.snapshots import forget as remove
    from usertrack.segments.view import moments

    settings = settings_of(common)
    zone = settings["timezone"]
    first, last = (moment.replace(tzinfo=None) for moment in span(day, zone))
    place, connection = _open_file_of(settings), connect()
    with open_history(connection, place):
        last = max(last, first + timedelta(seconds=59.999999))
        snapshots = _require_snapshots(connection, place, set_name, first, last)
    description = f"{plural(len(snapshots), 'snapshot')} of the set {set_name}: {moments(snapshots, zone)}"
    if not yes and not diagnostics.confirm(f"forget {description}"):
        diagnostics.note("nothing was forgotten")
        raise typer.Exit(1)
    with open_history(connection, place, write=True):
        remove(connection, snapshots)
    diagnostics.note(f"forgot {description}")


def _require_no_options(context: typer.Context) -> None:
    """Options before the name of a subcommand would be lost without a word."""
    from usertrack.core.errors import UsageError

    sources = [context.get_parameter_source(name) for name in context.params]
    if any(source is not None and source.name == "COMMANDLINE" for source in sources):
        raise UsageError(
            f"put options behind `{context.invoked_subcommand}`", f"`usertrack history {context.invoked_subcommand} …`"
        )


def _open_file_of(settings: "Settings") -> "HistoryFile":
    from datetime import UTC, datetime

    return _require_history(settings, datetime.now(UTC))


def _require_history(settings: "Settings", now: "datetime") -> "HistoryFile":
    from usertrack.core.errors import UsageError
    from usertrack.segments.history.file import history_file

    place = history_file(settings, now)
    if place is None:
        raise UsageError("the history is switched off", "take `history: off` out of usertrack.yaml or the environment")
    return place


def _require_snapshots(
    connection: Any, place: "HistoryFile", set_name: str, since: "datetime | None", until: "datetime | None"
) -> "list[Snapshot]":
    from usertrack.core.errors import UsageError
    from usertrack.segments.history.snapshots import snapshots

    found_snapshots = snapshots(connection, place, set_name, since, until)
    if not found_snapshots and (since or until) and (known := snapshots(connection, place, set_name)):
        span = f"there are {len(known)}, from {known[0].as_of:%Y-%m-%d} to {known[-1].as_of:%Y-%m-%d}"
        raise UsageError("there is no snapshot in this time", span)
    if not found_snapshots:
        raise UsageError(
            f"there is no history of the set '{set_name}' yet",
            f"`usertrack segments --set {set_name}` begins one, `usertrack history backfill` makes a past",
        )
    return found_snapshots


def _segment_ids(snapshots: "Sequence[Snapshot]", names: Sequence[str]) -> list[str]:
    """The ids of the segments called ``names``; raises UsageError for one that no snapshot has."""
    from usertrack.core.errors import UsageError, did_you_mean
    from usertrack.segments.rules import find_segment

    known = {segment.id: segment for snapshot in snapshots for segment in snapshot.segments}
    for name in names:
        if find_segment(known.values(), name) is None:
            hint = did_you_mean(name, known, f"there are {', '.join(known)}")
            raise UsageError(f"no snapshot has a segment '{name}'", hint)
    return [segment.id for name in names if (segment := find_segment(known.values(), name))]


def _bound(text: str | None, zone: str, side: int) -> "datetime | None":
    """The first (0) or last (1) moment of what was typed, as the history has it: UTC, naive."""
    from usertrack.core.period import span

    return span(text, zone)[side].replace(tzinfo=None) if text else None


def _middle_of_day(text: str | None, zone: str) -> "datetime | None":
    """The middle of the day that was typed, so that its own snapshots are the nearest ones."""
    first, last = _bound(text, zone, 0), _bound(text, zone, 1)
    return first + (last - first) / 2 if first and last else None


def register(app: typer.Typer) -> None:
    app.add_typer(history, name="history", rich_help_panel="People")
