"""`usertrack plan check`: the plan, the code and the data, for CI."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import diagnostics
from usertrack.cli.common import Common
from usertrack.cli.options import with_common
from usertrack.cli.plan_material import Code, Days, Events, ScanFile
from usertrack.cli.plan_options import PlanOption

if TYPE_CHECKING:
    from usertrack.coverage.material import Material
    from usertrack.plan.finding import PlanFinding

_OF_CI = ("sarif", "github")


@with_common
def check(
    code: Code = None,
    plan: PlanOption = None,
    scan: ScanFile = None,
    events: Events = None,
    days: Days = 30,
    values: Annotated[
        bool,
        typer.Option(
            "--values",
            help="Also sample values, to find personal data and properties with many values. Shows none of them.",
        ),
    ] = False,
    fail_on: Annotated[
        str, typer.Option("--fail-on", help="error, warning or note: what makes the check fail.")
    ] = "warning",
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Findings in this file do not fail the check.")
    ] = None,
    write_baseline: Annotated[
        bool, typer.Option("--write-baseline", help="Write the findings of today to the file of --baseline.")
    ] = False,
    *,
    common: Common,
) -> None:
    """Check the plan, the code and the data in CI: exit code 5 where they differ.

    `usertrack plan check src --format github` · annotations beside the lines of a pull request

    `usertrack plan check src --format sarif -o tracking.sarif` · for code scanning

    `usertrack plan check src --baseline tracking.baseline.json --write-baseline` · old debt does not block from now on

    Everything that `plan lint` finds; near names, unplanned events and properties in the code, active events that are
    not in it, required properties that a site forgets. With data, what does not arrive, and what nobody planned.
    Formats are text, json, sarif and github, and those of all commands.
    """
    from usertrack.cli.output import emit_bytes
    from usertrack.cli.plan_material import gather
    from usertrack.core.errors import INCOMPLETE, UsageError
    from usertrack.core.words import plural
    from usertrack.coverage.baseline import Baseline, baseline_text, read_baseline
    from usertrack.plan.finding import Severity
    from usertrack.plan.finding_view import raise_problems
    from usertrack.product.scope import one_of

    least = one_of(fail_on, Severity, "--fail-on")
    if write_baseline and baseline is None:
        raise UsageError("--write-baseline needs a file", "add --baseline tracking.baseline.json")
    _require_format(common)
    known_format = replace(common, format=None) if _format(common) in ("text", *_OF_CI) else common
    material = gather(known_format, plan, code, scan, events, days, values=values)
    findings = _findings(material)
    if write_baseline and baseline is not None:
        emit_bytes([baseline_text(findings).encode()], baseline)
        diagnostics.note(f"wrote {baseline} ({plural(len(findings), 'finding')})")
        return
    known = read_baseline(baseline) if baseline else Baseline()
    new = known.new(findings)
    _emit(new, [*material.notes, *known.notes(findings)], material, common)
    raise_problems(new, least, "" if baseline else "--baseline FILE lets those pass that were there before")
    if material.incomplete:
        raise typer.Exit(INCOMPLETE)


def _findings(material: "Material") -> "list[PlanFinding]":
    from usertrack.coverage.findings import coverage_findings
    from usertrack.coverage.releases import release_tags
    from usertrack.coverage.values import value_findings
    from usertrack.plan.finding import in_order
    from usertrack.plan.lint import lint_plan

    return in_order(
        [
            *lint_plan(material.plan, release_tags(material.plan.path.parent)),
            *coverage_findings(material.coverage()),
            *value_findings(material.plan, material.values),
        ]
    )


def _format(common: Common) -> str:
    """The format, by its name or the ending of the file."""
    ending = common.output.suffix.removeprefix(".") if common.output else ""
    return common.format or (ending if ending in _OF_CI else "")


def _require_format(common: Common) -> None:
    """Raise UsageError for a format that there is not, before anything is asked."""
    from usertrack.cli.output import format_of

    if _format(common) not in ("text", *_OF_CI):
        format_of(common.format or "", common.output)


def _emit(findings: "Sequence[PlanFinding]", notes: Sequence[str], material: "Material", common: Common) -> None:
    from usertrack.cli.output import emit_bytes
    from usertrack.cli.session import emit
    from usertrack.coverage.annotations import github, sarif
    from usertrack.plan.finding_view import findings_document

    match _format(common):
        case "sarif":
            emit_bytes([sarif(_in_repository(findings)).encode(errors="replace")], common.output)
        case "github":
            emit_bytes([github(_in_repository(findings)).encode(errors="replace")], common.output)
        case fmt:
            document = findings_document(f"usertrack plan check · {material.plan.path}", findings, notes)
            emit(document, material.settings, replace(common, format="table") if fmt == "text" else common)
            return
    for note in notes:
        diagnostics.note(note)


def _in_repository(findings: "Sequence[PlanFinding]") -> "list[PlanFinding]":
    """With files that are relative to the root of the git repository, where this folder is in one, as CI has them."""
    from usertrack.core.errors import UsageError
    from usertrack.coverage.trees import repository_of

    folder = Path.cwd().resolve()
    try:
        root = repository_of(folder).root
    except UsageError:
        root = folder
    return [
        replace(finding, file=Path(os.path.relpath(folder / finding.file, root)).as_posix()) for finding in findings
    ]


def register(plan: typer.Typer) -> None:
    plan.command()(check)
