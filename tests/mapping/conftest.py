"""A database of each schema in ``schemas/``, read by a role that may only SELECT."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ..databases import database

Reader = Callable[[str], str]
_SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'"


@pytest.fixture
def reader(clean_env: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Makes a database of SQL, and sets DATABASE_URL to a role that may SELECT everything there; returns its DSN."""
    with ExitStack() as stack:

        def make(text: str) -> str:
            dsn = stack.enter_context(database())
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(text.encode())
                connection.execute("DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
                for (name,) in connection.execute(_SCHEMAS).fetchall():
                    schema = sql.Identifier(name)
                    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO reader").format(schema))
                    connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO reader").format(schema))
            url = make_conninfo(dsn, user="reader")
            clean_env.setenv("DATABASE_URL", url)
            return dsn

        yield make


def schema(name: str) -> str:
    return (Path(__file__).parent / "schemas" / f"{name}.sql").read_text()


def at_a_terminal(*answers: str, options: str = "") -> str:
    """What `init` shows at a terminal where ``answers`` are typed."""
    command = f"'{sys.executable}' -c 'from usertrack.cli.app import main; main()' init acme --from-database {options}"
    terminal = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        input="".join(f"{answer}\n" for answer in answers),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return " ".join(terminal.stdout.split())
