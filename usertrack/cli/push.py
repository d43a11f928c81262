"""`usertrack push`: sends the people of a segment to a target. No other command sends anything."""

from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import complete
from usertrack.cli.common import Common
from usertrack.cli.options import AllMembers, SetName, with_common_once

if TYPE_CHECKING:
    from usertrack.cli.session import Session
    from usertrack.push.order import PushOrder
    from usertrack.push.send import Push

_PANEL = "People"
_ONLY = {"name": ("posthog-cohort",), "yes": ("posthog-cohort",), "url": ("slack", "webhook"), "link": ("slack",)}


@with_common_once
def push(
    segment: Annotated[
        str,
        typer.Argument(
            metavar="SEGMENT", help="The segment.", show_default=False, autocompletion=complete.segments_of_set
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="TARGET",
            help="posthog-cohort, slack, csv or webhook.",
            show_default=False,
            autocompletion=complete.targets,
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, and send nothing.")] = False,
    set_name: SetName = "action",
    all_members: AllMembers = False,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", min=0, help="Only the most urgent people; 0: all. Slack gets 10 by default."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="The name of the cohort; default: 'usertrack: …'.")] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url", help="The address for slack or webhook; default: SLACK_WEBHOOK_URL, USERTRACK_WEBHOOK_URL."
        ),
    ] = None,
    link: Annotated[
        str | None, typer.Option("--link", help="A page that the Slack message links to, such as your report.")
    ] = None,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="With --as-of: replace the people of now in the cohort by those of then."),
    ] = False,
    *,
    common: Common,
) -> None:
    """Send the people to act on in a segment to PostHog, Slack, a CRM or your own server.

    `usertrack push power --to posthog-cohort` · a static cohort, which every push updates

    `usertrack push failing --to slack --dry-run` · shows the message

    `usertrack push high_intent --to csv -o outreach.csv` · for a CRM

    `usertrack push at_risk --to webhook --url https://hooks.acme.example/usertrack`
    """
    from usertrack.cli.session import open_session
    from usertrack.core.errors import UsageError
    from usertrack.push import target_named
    from usertrack.push.order import PushOrder
    from usertrack.push.send import moment_words, push_segment

    target_named(to)
    for option, value in (("name", name), ("yes", yes or None), ("url", url), ("link", link)):
        if value is not None and to not in _ONLY[option]:
            raise UsageError(f"--{option} is not for {to}", f"it goes with --to {' or '.join(_ONLY[option])}")
    if to == "csv":
        _require_lines(common)
    with open_session(common, cached=False) as session:
        moment = "" if yes else moment_words(session.runner, session.settings["timezone"])
        order = PushOrder(session.settings, name, url, link, dry_run, moment)
        _show(session, push_segment(session, to, segment, set_name, order, limit, all_members=all_members), order)


def _show(session: "Session", push: "Push", order: "PushOrder") -> None:
    from usertrack.cli import diagnostics, output
    from usertrack.push.view import outcome_document

    audience, outcome = push.audience, push.outcome
    if outcome.table is not None:
        file = None if order.dry_run else session.common.output
        session.progress.stop()
        output.emit(outcome.table, fmt=_lines_format(session.common), output=file)
        if session.common.output is not None:
            would = "would be " if order.dry_run else ""
            diagnostics.note(f"{outcome.sent} of {audience.total} people {would}written to {session.common.output}")
        return
    session.emit(outcome_document(push.target, audience, outcome, dry_run=order.dry_run))
    if outcome.problem is not None:
        raise outcome.problem


def _lines_format(common: Common) -> str:
    named = common.format or (common.output.suffix.lstrip(".").lower() if common.output else "")
    return named or "csv"


def _require_lines(common: Common) -> None:
    from usertrack.core.errors import UsageError

    if _lines_format(common) not in ("csv", "tsv"):
        raise UsageError(
            f"--to csv writes csv or tsv, not {_lines_format(common)}", "`usertrack segments` writes other formats"
        )


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=_PANEL)(push)
