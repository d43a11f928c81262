"""The command line: all commands, and every error as a message with an exit code."""

import functools
import logging
import os
import re
import sys
from typing import Annotated, Any

import typer

from usertrack import __version__
from usertrack.cli import diagnostics, interrupts, output, streams, unfinished
from usertrack.cli.commands import LazyGroup
from usertrack.cli.interrupted import INTERRUPTED
from usertrack.core.errors import UsageError, UsertrackError, missing_extra

app = typer.Typer(
    name="usertrack",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Which users to talk to this week, why, and what fails for them: joins events in PostHog
    with accounts in Postgres.

    `usertrack segments` · works at once, with demo data

    `usertrack explain lena@northwind.example` · why a person is in a segment

    `usertrack init acme` · creates a workspace of your own""",
    epilog="""Exit codes: 0 ok · 1 a query failed · 2 usage, settings or a file · 3 cannot connect or authenticate ·
    4 timeout or rate limit · 5 a check found problems · 6 incomplete, a source was missing · 130 interrupted""",
)


def _version(requested: bool) -> None:  # noqa: FBT001 - Typer's callback shape
    if requested:
        typer.echo(f"usertrack {__version__}")
        raise typer.Exit


@app.callback()
def main_options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    unfinished.remove_left_overs()
    if context.invoked_subcommand != "privacy":  # whose `erase` goes on with its own
        unfinished.finish_erasures()


def main() -> None:
    """The entry point of the `usertrack` command: runs it, and exits with its exit code."""
    streams.repair()
    if os.environ.get("USERTRACK_DEBUG"):
        logging.basicConfig(level=logging.ERROR)  # a page's trace, too
    interrupts.heed_signals()
    try:
        code = run()
    except KeyboardInterrupt:  # on the last step
        code = INTERRUPTED
    interrupts.exit_with(code)


@functools.cache
def command_line() -> LazyGroup:
    """The whole command line as Click runs it; Typer would make it anew each time, of what the functions say."""
    group = typer.main.get_command(app)
    assert isinstance(group, LazyGroup)
    return group


@functools.cache
def whole_command_line() -> LazyGroup:
    """The same with all commands imported, for documents about them."""
    group = typer.main.get_command(app)
    assert isinstance(group, LazyGroup)
    for name in group.commands:
        group.load(name)
    return group


def run() -> int:
    """Run the command line and return its exit code; errors are written to standard error."""
    logging.getLogger().addHandler(logging.NullHandler())  # libraries' own warnings are not for the user
    try:
        return int(command_line()(standalone_mode=False, prog_name="usertrack") or 0)
    except BaseException as problem:
        if interrupts.was_interrupted() or isinstance(problem, KeyboardInterrupt | typer.Abort):
            return INTERRUPTED
        return _exit_code_of(problem)


def _exit_code_of(problem: BaseException) -> int:
    """Write the error, and return its exit code; with USERTRACK_DEBUG a bug is raised."""
    if isinstance(problem, ModuleNotFoundError):
        problem = missing_extra(problem.name) or problem
    if isinstance(problem, UsertrackError):
        diagnostics.error(problem)
        return problem.exit_code
    if isinstance(problem, SystemExit) and isinstance(problem.__context__, BrokenPipeError):
        return 0  # how Rich and Typer end when nobody reads their help any more
    if hasattr(problem, "format_message"):  # Typer's own: bad usage of a command
        return _bad_usage(problem)
    if os.environ.get("USERTRACK_DEBUG") or not isinstance(problem, Exception):
        raise problem
    if isinstance(problem, OSError) and problem.filename:  # such as a completion that cannot be installed
        diagnostics.error(UsageError(f"{problem.filename}: {problem.strerror}", _unwritable_hint()))
        return UsageError.exit_code
    if isinstance(problem, OSError) and output.is_unwritable(problem):  # the help, or the version
        diagnostics.error(output.unwritable(problem))
        return UsageError.exit_code
    diagnostics.unexpected(problem)
    return 1


def _unwritable_hint() -> str:
    """A hint for a file of usertrack's own that cannot be written."""
    if "--install-completion" in sys.argv:
        return "`usertrack --show-completion` prints it: put that where your shell reads it, or set HOME"
    return "set HOME, XDG_CACHE_HOME and XDG_DATA_HOME to folders that can be written"


_PLAIN_WORDS = (  # for Typer's
    (r"is not a valid int( range)?\.?$", "is not a whole number"),
    (r"is not a valid float( range)?\.?$", "is not a number"),
    (r"is not in the range x>=(\S+?)\.?$", r"is less than \1"),
    (r"is not in the range (\S+)<=x<=(\S+?)\.?$", r"is not from \1 to \2"),
)


def _bad_usage(problem: Any) -> int:  # noqa: ANN401
    message, _, suggestion = str(problem.format_message()).partition(" Did you mean ")
    for words, plain in _PLAIN_WORDS:
        message = re.sub(words, plain, message)
    if not message:  # the help was shown instead
        return int(problem.exit_code)
    context = getattr(problem, "ctx", None)
    path = context.command_path if context else "usertrack"
    hint = f"did you mean {suggestion}" if suggestion else f"`{path} --help` shows how it is used"
    diagnostics.error(UsageError(message[:1].lower() + message[1:].rstrip("."), hint))
    return int(problem.exit_code)
