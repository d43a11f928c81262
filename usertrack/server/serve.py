"""Runs the embedded PostHog as a server: its keys, its port, and a shutdown without loss."""

import gc
import json
import logging
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.core.errors import ConnectionFailed, UsageError
from usertrack.core.temporary import write_whole
from usertrack.server.http.server_settings import ServerSettings

if TYPE_CHECKING:
    import ssl

    import uvicorn

log = logging.getLogger(__name__)
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765  # none of PostHog's own; the pages have the next one


def load_or_create_settings(data: Path, env: Mapping[str, str]) -> ServerSettings:
    """Keys from USERTRACK_PROJECT_TOKEN and USERTRACK_PERSONAL_API_KEY, else from ``data/keys.json``.

    Missing keys are generated and saved there, readable by the owner only. USERTRACK_API_SCOPES limits the personal
    key, such as to ``query:read person:read``. Raises ``UsageError`` for a broken file.
    """
    saved = _read_keys(data / "keys.json")
    keys = {
        "project_token": saved.get("project_token") or f"phc_{secrets.token_urlsafe(32)}",
        "personal_api_key": saved.get("personal_api_key") or f"phx_{secrets.token_urlsafe(32)}",
    }
    scopes = tuple(filter(None, env.get("USERTRACK_API_SCOPES", "*").replace(",", " ").split())) or ("*",)
    from_env = {name: env[variable] for name in keys if env.get(variable := f"USERTRACK_{name.upper()}")}
    if keys != saved and from_env.keys() != keys.keys():
        path = data / "keys.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(keys, indent=2) + "\n")
    keys |= from_env
    return ServerSettings(keys["project_token"], keys["personal_api_key"], scopes=scopes)


def serve(  # noqa: PLR0913
    data: Path,
    settings_of: Callable[[], ServerSettings],
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    on_ready: Callable[[str, ServerSettings], None] = lambda url, settings: None,
    log_format: str = "text",
    tls: "ssl.SSLContext | None" = None,
    trusted: Sequence[str] = (),
) -> None:
    """Serve ``data`` on ``host:port`` (0: any free port) until SIGINT or SIGTERM, then finish the running requests.

    ``settings_of`` is called when the directory and the port are this process's. ``on_ready`` gets the URL and the
    settings before the first request. Failures are logged to standard error, as text or as lines of json. What the
    proxies with ``trusted`` addresses say of a client is believed. With ``tls`` the port speaks HTTPS.

    Raises ``ConnectionFailed`` when the port or the directory is in use.
    """
    from usertrack.server.database.store import Store

    with ExitStack() as stack:
        listener = stack.enter_context(closing(listen(host, port)))
        store = stack.enter_context(closing(Store(data)))
        from usertrack.server.app import create_app
        from usertrack.server.http.front_door import FrontDoor
        from usertrack.server.http.log import to_stderr

        to_stderr(log_format)
        store.damage.check()
        store.reconcile()
        for loss in store.log.missing:
            log.error("the store lacks events: %s", loss)
        settings = replace(settings_of(), owner_key=secrets.token_urlsafe(32))
        port = listener.getsockname()[1]
        sockets = [listener, *([stack.enter_context(closing(listen(DEFAULT_HOST, 0)))] if tls else [])]
        # this machine's commands ask without TLS: the certificate has another name
        store.announce(url_of(*sockets[-1].getsockname()[:2]) if tls else url_of(host, port), settings.owner_key)
        app = create_app(store, settings)
        server = FrontDoor(app, patience=10, trusted=trusted, tls={port: tls} if tls else {})
        tune_python()
        with end_on_signals(server):
            on_ready(url_of(host, port, tls=tls is not None), settings)
            server.run(sockets=sockets)
        store.catch_up()  # what is stored by that is counted
        app.state.violations.close()


@contextmanager
def serving(data: Path, env: Mapping[str, str]) -> Iterator[tuple[str, ServerSettings]]:
    """The URL and settings of a server of ``data``: the one that is running, else a new one on the loopback address.

    The personal key in the settings works with that server. A running one may have keys of another environment; its
    owner key is used.

    Raises ``UsageError`` for a directory without events, ``ConnectionFailed`` when another process has it.
    """
    from usertrack.server.database.lock import DirectoryServed
    from usertrack.server.database.store import Store

    if not (data / "clickhouse").is_dir():
        raise UsageError(f"no events are kept in {data}", "`usertrack serve --data DIR` keeps them")
    keys = load_or_create_settings(data, env)
    try:
        store = Store(data)
    except DirectoryServed as served:
        yield served.url, replace(keys, personal_api_key=served.key)
        return
    with closing(store), closing(listen(DEFAULT_HOST, 0)) as listener:
        from usertrack.server.app import create_app
        from usertrack.server.http.front_door import FrontDoor
        from usertrack.server.http.log import to_stderr

        to_stderr("text")
        app = create_app(store, keys)
        server = FrontDoor(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield url_of(DEFAULT_HOST, listener.getsockname()[1]), keys
        finally:
            app.state.broadcast.close()
            server.should_exit = True
            thread.join()


def tune_python() -> None:
    """Let threads take turns quickly, and look for garbage rarely: blocks of events are many objects for a moment.

    With Python's 5 ms, a request waits for the thread that stores events, now and then several times.
    """
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)  # Python's own 700 to 2 000 are passed by each block of events


@contextmanager
def end_on_signals(server: "uvicorn.Server") -> Iterator[None]:
    """Make these signals the normal end, also before uvicorn handles them and when it raises them again."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        server.should_exit = True

    ends = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # else nohup wants it to go on without a terminal
        ends.append(signal.SIGHUP)
    before = {number: signal.signal(number, end) for number in ends}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def is_public(host: str) -> bool:
    """Whether other machines can reach a server bound to ``host``."""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def url_of(host: str, port: int, *, tls: bool = False) -> str:
    """The address by which this machine reaches a server that listens there."""
    scheme = "https" if tls else "http"
    reachable = {"0.0.0.0": DEFAULT_HOST, "::": "::1", "": DEFAULT_HOST}.get(host, host)
    return f"{scheme}://[{reachable}]:{port}" if ":" in reachable else f"{scheme}://{reachable}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections (port 0: any free one). Raises ConnectionFailed when the port is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # with IPPROTO_TCP asyncio sends responses at once; without it each waits some 40 ms for the client's ACK
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)  # clients may connect from now on, and wait until the server is up
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConnectionFailed(
            f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}",
            "choose another port with --port, or stop the program that uses this one",
        ) from None
    return listener


def _read_keys(path: Path) -> dict[str, str]:
    try:
        keys = json.loads(path.read_text())
        return {str(name): str(value) for name, value in keys.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError):
        raise UsageError(
            f"{path} cannot be read as a file of keys", "repair it, or delete it to get new keys"
        ) from None
