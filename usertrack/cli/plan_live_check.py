"""`usertrack plan live-check`: which events the embedded server has got that are not as the plan says."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli.common import Common
from usertrack.cli.options import with_common_once

if TYPE_CHECKING:
    from usertrack.cli.session import Session
    from usertrack.coverage.live_check import LiveCheckReport

_SECONDS = 1.0  # between two questions of --follow


class FailOn(StrEnum):
    note = "note"
    warning = "warning"
    error = "error"
    never = "never"


@with_common_once
def live_check(
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="The folder of the events, as in `usertrack serve`."),
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="Exit with 5 for violations of this severity, or worse.")
    ] = FailOn.warning,
    follow: Annotated[
        bool, typer.Option("--follow", help="Keep running, and print a line for each new violation.")
    ] = False,
    reset: Annotated[
        bool, typer.Option("--reset", help="Show the violations, then let the server count from zero.")
    ] = False,
    *,
    common: Common,
) -> None:
    """Show which events the embedded server has got that are not as the tracking plan says.

    `usertrack plan live-check --data ./events` · after `usertrack serve --data ./events --plan tracking.yaml`

    `usertrack plan live-check --follow` · a line for each, while you click through the product

    `usertrack plan live-check --data ./events -f json` · in CI, at the end of the tests

    Without --data the PostHog that is configured is asked, else the folder that `usertrack serve` uses by default. Exit
    code 5: there are violations that are more than notes, or no event was checked.
    """
    from usertrack.cli.common import settings_of
    from usertrack.cli.session import open_data_session
    from usertrack.coverage.live_check import ask_live_check, live_check_document, raise_violations
    from usertrack.plan.finding import Severity
    from usertrack.product.scope import one_of
    from usertrack.workspace.data_folder import default_data

    folder = data if data or settings_of(common).has_posthog else default_data()
    with open_data_session(common, folder) as session:
        report = ask_live_check(session.runner, reset=reset)
        if follow:
            _follow(session, report)
        session.emit(live_check_document(report, session.settings["timezone"], session.runner.now))
    if fail_on != FailOn.never:
        raise_violations(report, one_of(fail_on.value, Severity, "--fail-on"))


def _follow(session: "Session", report: "LiveCheckReport") -> None:
    """Write a line for what was counted, and then for what is, until somebody ends it."""
    import json
    import time
    from dataclasses import asdict, replace

    from usertrack.cli.output import emit_bytes
    from usertrack.cli.session import format_of
    from usertrack.coverage.live_check import ask_live_check, changes, line

    session.progress.stop()
    as_json = format_of(session.settings, session.common) in ("json", "jsonl")
    before = replace(report, violations=())
    while True:
        for violation in changes(before, report):
            text = json.dumps(asdict(violation), ensure_ascii=False) if as_json else line(violation)
            emit_bytes([f"{text}\n".encode()], None)
        time.sleep(_SECONDS)
        before, report = report, ask_live_check(session.runner)


def register(plan: typer.Typer) -> None:
    plan.command("live-check")(live_check)
