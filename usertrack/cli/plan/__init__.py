"""`usertrack plan`: the tracking plan, joined with what the code sends and what has arrived. One module a command."""

import typer

from usertrack.cli.plan import check, codegen, coverage, diff, docs, init, lint, live_check, scan, schema

plan = typer.Typer(
    no_args_is_help=True,
    help="""The tracking plan: what should be tracked, what the code sends, what has arrived.""",
)


init.register(plan)
schema.register(plan)
lint.register(plan)
codegen.register(plan)
coverage.register(plan)
check.register(plan)
live_check.register(plan)
scan.register(plan)
diff.register(plan)
docs.register(plan)


def register(app: typer.Typer) -> None:
    app.add_typer(plan, name="plan", rich_help_panel="Plan")
