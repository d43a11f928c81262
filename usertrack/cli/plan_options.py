"""Options that the commands of `usertrack plan` share."""

from pathlib import Path
from typing import Annotated

import typer

PlanOption = Annotated[
    Path | None,
    typer.Option("--plan", metavar="FILE", help="The tracking plan; default: tracking.yaml of the workspace."),
]
