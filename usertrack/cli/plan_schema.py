"""`usertrack plan schema`: prints the JSON Schema of tracking.yaml."""

from pathlib import Path
from typing import Annotated

import typer


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to this file.")
    ] = None,
) -> None:
    """Print the JSON Schema of tracking.yaml, by which editors complete it.

    `usertrack plan schema -o tracking.schema.json`; the first line of tracking.yaml then is
    `# yaml-language-server: $schema=tracking.schema.json`
    """
    from usertrack.cli.output import emit_bytes
    from usertrack.plan.schema import schema_text

    emit_bytes([schema_text().encode()], output)


def register(plan: typer.Typer) -> None:
    plan.command()(schema)
