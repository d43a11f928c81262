"""`python -m usertrack_track`: the relay as a worker of its own, the tables, and what waits."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import usertrack_track as track
from usertrack_track.exceptions import DatabaseFailed, TrackError, UsageError
from usertrack_track.postgres import Postgres, schema

_SOMETHING_WAITS = 4  # the exit code of usertrack for a server that is too busy
PROGRAM = "python -m usertrack_track"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except TrackError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Brings the events that a product has stored to PostHog. Settings are in the environment: "
        "DATABASE_URL, POSTHOG_API_KEY, POSTHOG_HOST.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    relay = commands.add_parser("relay", help="send what waits, until it is stopped; any number may run")
    relay.add_argument("--once", action="store_true", help="end when nothing waits, or after a minute with exit code 4")
    relay.set_defaults(run=_relay)
    migrate = commands.add_parser("migrate", help="make the tables in the schema usertrack")
    migrate.add_argument("--print", action="store_true", help="show the SQL, for a migration of your own")
    migrate.set_defaults(run=_migrate)
    status = commands.add_parser("status", help="how many events wait, and how stale properties are")
    status.set_defaults(run=_status)
    for command in (relay, status):
        text = "a module that declares properties of persons and groups, such as shop.analytics"
        command.add_argument("--import", dest="modules", action="append", default=[], metavar="MODULE", help=text)
    return parser


def _relay(options: argparse.Namespace) -> int:
    _to_postgres()
    _import(options.modules)
    if options.once:
        return 0 if track.flush(60) else _SOMETHING_WAITS
    relay = track.current().relay
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: relay.stop(0))
    relay.run()
    return 0


def _migrate(options: argparse.Namespace) -> int:
    if options.print:
        sys.stdout.write(schema())
    else:
        track.migrate()
    return 0


def _status(options: argparse.Namespace) -> int:
    _import(options.modules)
    with _database_errors():
        return _write_status(_to_postgres())


def _write_status(postgres: Postgres) -> int:
    waiting, refused = postgres.counts()
    sys.stdout.write(f"{waiting} events wait for PostHog, and it has refused {refused}\n")
    for declared in track.staleness():
        holder = declared.group_type or "person"
        oldest = f"oldest of {declared.oldest:%Y-%m-%d %H:%M} UTC" if declared.oldest else "never computed"
        counts = f"{declared.holders} known, {declared.due} due, {declared.failing} failing"
        sys.stdout.write(f"{holder}.{declared.name}: {counts}, {oldest}\n")
    return 0


def _import(modules: Sequence[str]) -> None:
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:
            raise UsageError(
                f"the module {module} cannot be imported ({type(error).__name__})",
                f"`python -c 'import {module}'`, in the folder of the product, shows where",
            ) from None


@contextmanager
def _database_errors() -> Iterator[None]:
    """Makes psycopg's errors clean ones: their texts may hold the DSN, with its password."""
    import psycopg

    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        raise DatabaseFailed("the database has no tables of usertrack_track", f"run `{PROGRAM} migrate`") from None
    except psycopg.Error as error:
        raise DatabaseFailed(
            f"the database cannot be asked ({type(error).__name__})",
            "DATABASE_URL is to be of the shape postgresql://user:password@host/database; `psql` with it says more",
        ) from None


def _to_postgres() -> Postgres:
    postgres = track.current().postgres
    if postgres is None:
        raise UsageError("DATABASE_URL is not set", "set it to the database of the product whose events are to be sent")
    return postgres


if __name__ == "__main__":
    sys.exit(main())
