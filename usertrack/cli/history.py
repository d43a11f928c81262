"""`usertrack history`: the segments over time, backfill of past weeks, and forgetting of snapshots."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import complete
from usertrack.cli.common import Common
from usertrack.cli.options import AnySetName, Limit, with_common, with_common_once

if TYPE_CHECKING:
    from datetime import datetime

    from duckdb import DuckDBPyConnection

    from usertrack.segments.history.file import HistoryFile
    from usertrack.segments.history.snapshots import Snapshot
    from usertrack.workspace.settings import Settings

history = typer.Typer(invoke_without_command=True)


@history.callback()
@with_common
def show(
    context: typer.Context,
    set_name: AnySetName = None,
    segment: Annotated[
        list[str] | None,
        typer.Option("--segment", "-s", help="Only this segment.", autocompletion=complete.segments_of_set),
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", "-u", metavar="EMAIL", help="The segments of one person over time.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Only snapshots from this date on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Only snapshots up to this date.")
    ] = None,
    before: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Compare this date; default: a week before --to.")
    ] = None,
    after: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Compare with this date; default: the last snapshot.")
    ] = None,
    view: Annotated[
        str | None, typer.Option("--view", help="Only this part: sizes, transitions, moves or dwell (days in segment).")
    ] = None,
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """The segments over time: sizes, who entered and left and why, how long people stay.

    `usertrack segments` records each answer; `usertrack history backfill` adds past weeks at once.

    `usertrack history --segment failing` · who entered and left, and which fact changed

    `usertrack history --from 2026-10-01 --to 2026-11-01 --view moves -o moves.csv`

    `usertrack history --user lena@northwind.example`
    """
    if context.invoked_subcommand:
        _require_no_options(context)
        return
    from usertrack.cli import diagnostics
    from usertrack.cli.common import settings_of
    from usertrack.cli.session import emit, say_demo
    from usertrack.core.emails import email_in
    from usertrack.core.errors import UsageError
    from usertrack.core.spool import connect
    from usertrack.library.entities import EMAIL
    from usertrack.segments.history.file import open_history
    from usertrack.segments.history.person_view import path_document
    from usertrack.segments.history.timeline import HistoryQuery, best_of_days, build_timeline, person_path
    from usertrack.segments.history.transitions import other_key_note
    from usertrack.segments.history.view import timeline_document

    settings = settings_of(common)
    set_name, key = _set_and_key(settings, set_name)
    say_demo(settings)
    zone = settings["timezone"]
    place, connection = _open_file_of(settings), connect()
    with open_history(connection, place):
        of_all_keys = _require_snapshots(
            connection, place, set_name, _bound(since, zone, 0), _bound(until or settings["as_of"], zone, 1)
        )
        snapshots = [snapshot for snapshot in of_all_keys if snapshot.key == key]
        others = [snapshot for snapshot in of_all_keys if snapshot.key != key]
        if not snapshots:
            hint = f"`usertrack segments --set {set_name}` starts a history by {key}"
            raise UsageError(other_key_note(others, key), hint)
        days = best_of_days(snapshots, zone)
        if user is not None:
            name = (key == EMAIL and email_in(user)) or user.strip()
            document = path_document(key, name, person_path(connection, days, user, key), zone)
        else:
            only = _segment_ids(snapshots, segment or [])
            first, last = _middle_of_day(before, zone), _middle_of_day(after, zone)
            query = HistoryQuery(set_name, key, only, before=first, after=last)
            document = timeline_document(build_timeline(connection, snapshots, days, query), only, zone, view)
    emit(document, settings, common, limit)
    if others:
        diagnostics.note(other_key_note(others, key))


@history.command("backfill")
@with_common_once
def backfill(
    weeks: Annotated[int, typer.Option("--weeks", min=1, max=520, help="How many weeks before now.")] = 8,
    set_name: Annotated[str | None, typer.Option("--set", help="Only this set; default: all of them.")] = None,
    *,
    common: Common,
) -> None:
    """Classify past weeks, so that there is a history at once.

    Events and rows are counted as of that week. Facts that the sources have only as of today, such as credits and
    how a run ended, are those of today; notes name them. Weeks with a snapshot by the same rules stay as they are.

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
@with_common_once
def forget(
    day: Annotated[str, typer.Argument(metavar="DATE", help="A day, or one minute of a day.", show_default=False)],
    set_name: AnySetName = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    *,
    common: Common,
) -> None:
    """Delete the snapshots of a day from the history, such as those of an outage. Asks first, unless --yes is given.

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
    from usertrack.segments.history.notes import moments
    from usertrack.segments.history.snapshots import forget as remove

    settings = settings_of(common)
    set_name = set_name or _set_and_key(settings, None)[0]
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
    """Raise UsageError for options before the name of a subcommand, which would be ignored."""
    from usertrack.core.errors import UsageError

    sources = [context.get_parameter_source(name) for name in context.params]
    if any(source is not None and source.name == "COMMANDLINE" for source in sources):
        raise UsageError(
            f"put options after `{context.invoked_subcommand}`", f"`usertrack history {context.invoked_subcommand} …`"
        )


def _set_and_key(settings: "Settings", name: str | None) -> tuple[str, str]:
    """The set called ``name``, or the usual one that is here, and what it is joined on; raises UsageError."""
    from usertrack.cli import diagnostics
    from usertrack.segments.applicable import applicable
    from usertrack.segments.rules import read_rules
    from usertrack.workspace.files import library_of, rules_path

    rules = read_rules(rules_path(settings))
    if name is None:
        segment_set = applicable(rules, library_of(settings).by(rules.key)).set_or_usual(None)
        if segment_set.note:
            diagnostics.note(segment_set.note)
        return segment_set.name, rules.key
    key = rules.others[name].by if name in rules.others else rules.key
    return rules.judging("" if key == rules.key else key).set_named(name).name, key


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
    connection: "DuckDBPyConnection",
    place: "HistoryFile",
    set_name: str,
    since: "datetime | None",
    until: "datetime | None",
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
            f"`usertrack segments --set {set_name}` starts one, `usertrack history backfill` adds earlier weeks",
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
    """The first (0) or last (1) moment of a date or time, as the history has it: naive UTC."""
    from usertrack.core.period import span

    return span(text, zone)[side].replace(tzinfo=None) if text else None


def _middle_of_day(text: str | None, zone: str) -> "datetime | None":
    """The middle of a day, so that the snapshots of that day are the nearest ones."""
    first, last = _bound(text, zone, 0), _bound(text, zone, 1)
    return first + (last - first) / 2 if first and last else None


def register(app: typer.Typer) -> None:
    app.add_typer(history, name="history", rich_help_panel="People")
