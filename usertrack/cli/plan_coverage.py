"""`usertrack plan coverage`: plan × code × data."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli.common import Common
from usertrack.cli.options import Limit, with_common
from usertrack.cli.plan_material import Code, Days, Events, ScanFile
from usertrack.cli.plan_options import PlanOption

if TYPE_CHECKING:
    from usertrack.coverage.numbers import Grouping
    from usertrack.plan.model import Plan

_ONLY = "Only planned events of this {}."


@with_common
def coverage(
    code: Code = None,
    plan: PlanOption = None,
    scan: ScanFile = None,
    events: Events = None,
    days: Days = 30,
    tier: Annotated[str | None, typer.Option("--tier", help=_ONLY.format("tier"))] = None,
    phase: Annotated[str | None, typer.Option("--phase", help=_ONLY.format("phase"))] = None,
    owner: Annotated[str | None, typer.Option("--owner", help=_ONLY.format("owner"))] = None,
    badge: Annotated[
        Path | None, typer.Option("--badge", metavar="FILE", help="Also write the coverage as a badge, an SVG.")
    ] = None,
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """How much of the tracking plan is in the code, in the data, and in both.

    `usertrack plan coverage src` · tracking.yaml, the code in src, and the last 30 days of PostHog

    `usertrack plan coverage src --events log.csv --days 7` · events in a file instead

    `usertrack plan coverage src --tier 1 --badge coverage.svg -o coverage.html`

    Each event is working, missing, silent (in code, not in data), sent by code that was not scanned, unplanned,
    unplanned and silent, or stray (in data alone). Exit code 6: the data could not be asked.
    """
    from usertrack.cli.output import emit_bytes
    from usertrack.cli.plan_material import gather
    from usertrack.cli.session import emit, format_of
    from usertrack.core.errors import INCOMPLETE
    from usertrack.coverage.view import coverage_document
    from usertrack.render.badge import badge as draw_badge

    material = gather(common, plan, code, scan, events, days)
    format_of(material.settings, common)
    groups: dict[Grouping, str | None] = {"tier": tier, "phase": phase, "owner": owner}
    only = {grouping: name for grouping, name in groups.items() if name is not None}
    _require_known(material.plan, only)
    covered = material.coverage(only)
    emit(coverage_document(covered, material.notes), material.settings, common, limit)
    if badge is not None:
        emit_bytes([draw_badge("tracking", covered.headline).encode()], badge)
    if material.incomplete:
        raise typer.Exit(INCOMPLETE)


def _require_known(plan: "Plan", only: "Mapping[Grouping, str]") -> None:
    from usertrack.core.errors import UsageError, did_you_mean
    from usertrack.coverage.numbers import known_names

    for grouping, name in only.items():
        known = known_names(plan, grouping)
        if name not in known:
            rest = f"there are {', '.join(known)}" if known else f"no event of the plan has a `{grouping}:`"
            raise UsageError(f"the plan has no {grouping} '{name}'", did_you_mean(name, known, rest))


def register(plan: typer.Typer) -> None:
    plan.command()(coverage)
