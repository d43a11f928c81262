"""`usertrack plan codegen`: the plan as Python or TypeScript."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from usertrack.cli.plan_options import PlanOption
from usertrack.plan.codegen import Language


def codegen(
    language: Annotated[Language, typer.Argument(metavar="LANGUAGE", help="python or typescript.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it to this file, instead of standard output."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit with 5 unless the file of --output is what the plan gives."),
    ] = False,
    client: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="CLIENT",
            help="The client that `track` in Python calls: usertrack (the default), posthog, or a function of yours.",
        ),
    ] = None,
    plan: PlanOption = None,
) -> None:
    """Write the plan as code: event names, types of their properties, and a typed `track`.

    `usertrack plan codegen python -o shop/tracking.py`

    `usertrack plan codegen python -o shop/tracking.py --for shop.analytics.send` · over a function of your own

    `usertrack plan codegen typescript -o web/tracking.ts --check` · in CI: is the file that of the plan?
    """
    from usertrack.cli.output import emit_bytes
    from usertrack.core.errors import CheckFailed, UsageError
    from usertrack.plan.codegen.generate import generate, is_current
    from usertrack.plan.read import read_plan
    from usertrack.workspace.files import plan_path
    from usertrack.workspace.settings import load_settings

    path = plan_path(load_settings(), plan)
    if client and language is not Language.python:
        raise UsageError("--for is for Python", "in TypeScript, hand your client over: createTrack({ capture: … })")
    code = generate(read_plan(path), language, client or "usertrack")
    options = f" --for {shlex.quote(client)}" if client else ""
    command = f"usertrack plan codegen {language} -o {shlex.quote(str(output or 'FILE'))}{options}"
    if not check:
        emit_bytes([code.encode()], output)
    elif output is None:
        raise UsageError("--check needs the file that it looks at", f"`{command} --check`")
    elif not is_current(output, code):
        raise CheckFailed(f"'{output}' is stale: {path} gives something else", f"`{command}` writes it anew")


def register(plan: typer.Typer) -> None:
    plan.command("codegen")(codegen)
