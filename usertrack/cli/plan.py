"""`usertrack plan`: the tracking plan, joined with what the code sends and what has arrived. One module a command."""

import typer

from usertrack.cli import (
    plan_check,
    plan_codegen,
    plan_coverage,
    plan_diff,
    plan_docs,
    plan_init,
    plan_lint,
    plan_live_check,
    plan_scan,
    plan_schema,
)

plan = typer.Typer(
    no_args_is_help=True,
    help="""The tracking plan: what should be tracked, what the code sends, what has arrived.""",
)


plan_init.register(plan)
plan_schema.register(plan)
plan_lint.register(plan)
plan_codegen.register(plan)
plan_coverage.register(plan)
plan_check.register(plan)
plan_live_check.register(plan)
plan_scan.register(plan)
plan_diff.register(plan)
plan_docs.register(plan)


def register(app: typer.Typer) -> None:
    app.add_typer(plan, name="plan", rich_help_panel="Plan")
