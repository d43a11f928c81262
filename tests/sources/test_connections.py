"""Every way in which Postgres cannot be reached, and Neon's API, which says where it is."""

import asyncio
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from psycopg import sql as psycopg_sql

from tests.sources.engines import Server, refused, server, source, table
from usertrack.core.errors import ConnectionFailed, SourceBusy, UsageError, UsertrackError
from usertrack.core.spool import Spool
from usertrack.library.library import Statement
from usertrack.sources.neon import connection_uri
from usertrack.sources.postgres import Postgres
from usertrack.workspace.postgres_address import for_libpq
from usertrack.workspace.settings import load_settings

__all__ = ["server"]

SECRET = "s3cr3t"

UNREACHABLE = [
    (f"postgresql://u:{SECRET}@127.0.0.1:1/d", "nothing answers there", "is the server running?"),
    (f"postgresql://u:{SECRET}@nowhere.invalid/d", "host name is not known", "host in DATABASE_URL"),
    (f"postgresql://u:{SECRET}@127.0.0.1:x/d", "port", "postgresql://"),
    (f"postgresql://u:{SECRET}@127.0.0.1:99999/d", "port", "postgresql://"),
    (f"postgresql://u:{SECRET}@127.0.0.1/d?sslmode=bogus", "TLS", "sslmode"),
    (f"postgresql://u:{SECRET}@127.0.0.1/d?what=ever", "no connection URI", "postgresql://"),
    (f"postgresql//u:{SECRET}@host/d", "no connection URI", "%40"),
    (f"mysql://u:{SECRET}@host/d", "no connection URI", "postgresql://"),
    (f"garbage {SECRET}", "no connection URI", "postgresql://"),
    (f"host=/nonexistent dbname=d password={SECRET}", "nothing answers there", "is the server running?"),
]


@pytest.mark.parametrize(("dsn", "message", "hint"), UNREACHABLE)
def test_addresses_that_lead_nowhere(tmp_path: Path, dsn: str, message: str, hint: str) -> None:
    error = refused(dsn, "SELECT 1", tmp_path, secret=SECRET)
    assert isinstance(error, ConnectionFailed)
    assert message in error.message
    assert hint in error.hint


@pytest.fixture
def locked(server: Server) -> str:
    """The address of a role that needs a password."""
    server.execute("DROP ROLE IF EXISTS locked; CREATE ROLE locked LOGIN PASSWORD 'right'")
    rules = server.folder / "pg_hba.conf"
    if "locked" not in rules.read_text():
        rules.write_text("local all locked scram-sha-256\nlocal all barred reject\n" + rules.read_text())
        server.execute("SELECT pg_reload_conf()")
        time.sleep(0.3)
    return server.dsn


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("postgres@", f"locked:{SECRET}@", "the password is wrong"),
        ("postgres@", "locked@", "the password is wrong"),
        ("postgres@", "nobody@", "no such role"),
        ("postgres@", "barred@", "does not let this role in"),
        ("/datagen", "/nowhere", "no such database"),
    ],
)
def test_a_server_that_lets_nobody_in(locked: str, tmp_path: Path, before: str, after: str, message: str) -> None:
    error = refused(locked.replace(before, after), "SELECT 1", tmp_path, secret=SECRET)
    assert isinstance(error, ConnectionFailed)
    assert message in error.message


def test_the_right_password(locked: str, tmp_path: Path) -> None:
    assert table(locked.replace("postgres@", "locked:right@"), "SELECT 1", tmp_path).rows[0] == (1,)


def test_a_server_without_tls(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse_tls() -> None:
            connection, _ = listener.accept()
            connection.recv(100)
            connection.sendall(b"N")

        threading.Thread(target=refuse_tls, daemon=True).start()
        dsn = f"postgresql://u:{SECRET}@127.0.0.1:{listener.getsockname()[1]}/d?sslmode=require"
        assert "TLS" in refused(dsn, "SELECT 1", tmp_path, secret=SECRET).message


def test_a_server_that_hangs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dsn = f"postgresql://u:{SECRET}@127.0.0.1:{listener.getsockname()[1]}/d"
        error = refused(dsn, "SELECT 1", tmp_path, secret=SECRET, connect_timeout=2)
    assert "did not answer in time" in error.message


def test_a_refusal_is_shared(tmp_path: Path) -> None:
    attempts = []

    async def address() -> str:
        attempts.append(1)
        return "postgresql://u@127.0.0.1:1/d"

    async def ask() -> list[Any]:
        postgres, spool = Postgres(address), Spool(tmp_path)
        statements = [Statement("neon", "SELECT 1")] * 5
        answers = await asyncio.gather(*(postgres.run(s, spool) for s in statements), return_exceptions=True)
        await postgres.close()
        return answers

    assert all(isinstance(answer, ConnectionFailed) for answer in asyncio.run(ask()))
    assert len(attempts) == 1


def test_a_server_that_is_killed(tmp_path: Path) -> None:
    server = Server(tmp_path / "doomed")

    async def ask() -> None:
        postgres = source(server.dsn, connect_timeout=2)
        task = asyncio.create_task(postgres.run(Statement("neon", "SELECT pg_sleep(30)"), Spool(tmp_path)))
        await asyncio.sleep(0.5)
        pids = [pid for (pid,) in server.execute("SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep%'")]
        os.kill(int((server.folder / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        os.kill(pids[0], signal.SIGKILL)
        with pytest.raises(ConnectionFailed, match="broke"):
            await task
        with pytest.raises(ConnectionFailed):
            await postgres.run(Statement("neon", "SELECT 1"), Spool(tmp_path))
        await postgres.close()

    asyncio.run(ask())
    with suppress(Exception):
        server.stop()


NEON = {"NEON_API_KEY": SECRET, "NEON_PROJECT_ID": "shy-sun-1", "NEON_DATABASE": "app", "NEON_ROLE": "reader"}
NEON_ANSWERS: list[tuple[httpx.Response | Exception, type[UsertrackError], str]] = [
    (httpx.Response(401, json={"message": "no"}), ConnectionFailed, "does not accept the API key"),
    (httpx.Response(403), ConnectionFailed, "does not accept the API key"),
    (httpx.Response(404, json={"message": "role not found"}), ConnectionFailed, "no database 'app' with role 'reader'"),
    (httpx.Response(423), SourceBusy, "busy (HTTP 423)"),
    (httpx.Response(429), SourceBusy, "busy (HTTP 429)"),
    (httpx.Response(500), SourceBusy, "busy (HTTP 500)"),
    (httpx.Response(503, html="<html>"), SourceBusy, "busy (HTTP 503)"),
    (httpx.Response(302, headers={"location": "https://elsewhere"}), ConnectionFailed, "HTTP 302 without a connection"),
    (httpx.Response(200, html="<html>"), ConnectionFailed, "HTTP 200 without a connection"),
    (httpx.Response(200, json={"uri": None}), ConnectionFailed, "HTTP 200 without a connection"),
    (httpx.Response(200, json=["uri"]), ConnectionFailed, "HTTP 200 without a connection"),
    (httpx.ConnectError("refused"), ConnectionFailed, "ConnectError"),
    (httpx.ReadTimeout("late"), ConnectionFailed, "ReadTimeout"),
]


def neon(answer: httpx.Response | Exception, requests: list[httpx.Request], env: Mapping[str, str] = NEON) -> str:
    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return asyncio.run(connection_uri(load_settings(env=env), httpx.MockTransport(respond)))


@pytest.mark.parametrize(("answer", "kind", "message"), NEON_ANSWERS)
def test_what_neon_refuses(answer: httpx.Response, kind: type[UsertrackError], message: str) -> None:
    with pytest.raises(kind, match=message.replace("(", r"\(").replace(")", r"\)")) as caught:
        neon(answer, [])
    assert caught.value.hint
    assert SECRET not in f"{caught.value!r} {caught.value.hint}"


def test_what_neon_is_asked() -> None:
    requests: list[httpx.Request] = []
    answer = httpx.Response(200, json={"uri": "postgresql://x"})
    assert (
        neon(answer, requests, {**NEON, "NEON_PROJECT_ID": "a/../b?c", "NEON_DATABASE": "my app&x"}) == "postgresql://x"
    )
    assert requests[0].url.raw_path.startswith(b"/api/v2/projects/a%2F..%2Fb%3Fc/connection_uri?")
    assert dict(requests[0].url.params) == {"database_name": "my app&x", "role_name": "reader", "pooled": "true"}
    assert requests[0].headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("missing", ["NEON_PROJECT_ID", "NEON_DATABASE"])
def test_what_neon_needs(missing: str) -> None:
    with pytest.raises(UsageError, match="NEON_API_KEY needs") as caught:
        neon(httpx.Response(200), [], {**NEON, missing: ""})
    assert missing in caught.value.hint


def test_neons_address_is_used(server: Server, tmp_path: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"uri": server.dsn}).encode())

        def log_message(self, *_: object) -> None:
            pass

    api = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    settings = load_settings(env={**NEON, "NEON_API_HOST": f"http://127.0.0.1:{api.server_port}"})

    async def ask() -> Any:
        postgres = Postgres.from_settings(settings, lambda *_, **__: None)
        answer = await postgres.run(Statement("neon", "SELECT current_database()"), Spool(tmp_path))
        await postgres.close()
        return answer.rows[0]

    assert asyncio.run(ask()) == ("datagen",)
    api.shutdown()


@pytest.mark.parametrize("schema", ["app", "My  Schema", 'a"b\\c', "x, public -cwork_mem=1MB", "a%&=+?#é"])
@pytest.mark.parametrize("more", ["", "&pgbouncer=true&options=-cwork_mem%3D7MB"])
def test_prismas_schema_is_the_search_path(server: Server, tmp_path: Path, schema: str, more: str) -> None:
    name = psycopg_sql.Identifier(schema).as_string()
    server.execute(f"CREATE SCHEMA IF NOT EXISTS {name}; CREATE TABLE IF NOT EXISTS {name}.only_here (n int)")
    dsn = for_libpq(f"{server.dsn}{'&' if '?' in server.dsn else '?'}schema={quote(schema, safe='')}{more}")
    sql = "SELECT current_schema(), current_setting('work_mem') = '7MB', (SELECT count(*) FROM only_here)"
    assert table(dsn, sql, tmp_path).rows[0] == (schema, bool(more), 0)
    server.execute(f"DROP SCHEMA {name} CASCADE")


def test_a_path_in_the_address_goes_before_prismas_schema() -> None:
    assert for_libpq("postgresql://h/d?schema=public&x=1&") == "postgresql://h/d?x=1&"
    for equals in ("%3D", "="):
        path = f"options=-csearch_path{equals}b"
        assert for_libpq(f"postgresql://h/d?schema=a&{path}") == f"postgresql://h/d?{path}"
