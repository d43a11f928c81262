"""`usertrack open`: the pages of the workspace in a browser."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import diagnostics
from usertrack.cli.certificate import Certificate, CertificateKey, TrustedProxies, tls_of, warn_of_plain
from usertrack.cli.common import Common, settings_of
from usertrack.cli.options import with_common_once
from usertrack.core.errors import ConnectionFailed, UsageError, require_extra

if TYPE_CHECKING:
    from usertrack.server.database.lock import DirectoryServed


@with_common_once
def open_pages(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; the default accepts only this machine.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option("--port", help="Port to listen on; default: 8766, or a free one while that is taken.")
    ] = None,
    behind: Annotated[
        str,
        typer.Option(
            "--proxy-header", metavar="NAME", help="Header in which a proxy in front names the person who looks."
        ),
    ] = "",
    trusted: TrustedProxies = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A name by which browsers ask for the pages."),
    ] = None,
    certificate: Certificate = None,
    certificate_key: CertificateKey = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep running when nobody uses the pages for an hour.")] = False,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, where there is one.")
    ] = True,
    *,
    common: Common,
) -> None:
    """Look at everything in the browser: today, segments, people, activity, live, alerts, the plan, queries.

    `usertrack open` · prints a link that opens the pages once, and opens it where there is a browser

    `usertrack open --demo` · with invented people

    `USERTRACK_PASSWORD=… usertrack open --host 0.0.0.0 --allow-host box.example --tls-cert FILE --tls-key FILE` · for
    other machines, with a password

    While it runs, commands on the demo ask its engines.
    """
    require_extra("web")
    from usertrack.server.database.lock import DirectoryServed
    from usertrack.server.serve import is_public
    from usertrack.web.app import create_app
    from usertrack.web.serve import serve_pages

    settings = settings_of(common)
    password = os.environ.get("USERTRACK_PASSWORD", "")
    tls = tls_of(certificate, certificate_key)
    if is_public(host) and not password and not behind:
        hint = "set USERTRACK_PASSWORD, or name the header of a proxy that lets in only whom you know: --proxy-header"
        raise UsageError(f"anybody who reaches {host} could look at your customers", hint)

    if behind and not trusted:
        hint = "name the address of your proxy: --trusted-proxy 127.0.0.1"
        raise UsageError("--proxy-header counts from proxies alone whose addresses were named", hint)
    if password and behind:
        raise UsageError("a password and a proxy's header exclude each other", "take one of them away")
    warn_of_plain(host, tls, trusted, "whoever is on the way can read and change the pages")

    def ready(url: str, link: str) -> None:
        progress.stop()
        diagnostics.note(f"pages at {url}; Ctrl-C ends them" + ("" if keep else ", and so does an hour without use"))
        _show(url if password or behind else link, browser=browser)

    with diagnostics.Progress() as progress:
        try:
            serve_pages(
                create_app,
                settings,
                host,
                port,
                ready,
                notify=progress,
                password=password,
                header=behind,
                proxies=trusted or (),
                names=names or (),
                tls=tls,
                unused=None if keep else 3600,
            )
        except DirectoryServed as served:
            progress.stop()
            is_plain = (host, port, password, behind, tls) == ("127.0.0.1", None, "", "", None)
            as_begun = "" if is_plain else ", and stay as they were opened: end them to open them otherwise"
            diagnostics.note(f"the pages are open at {served.url} already{as_begun}")
            _show(_new_link(served), browser=browser)


def _new_link(served: "DirectoryServed") -> str:
    import httpx

    from usertrack.web.serve import link_of_running

    try:
        return link_of_running(served.url, served.key)
    except httpx.HTTPError as error:
        raise ConnectionFailed(f"the pages at {served.url} do not answer", "end that process, and try again") from error


def _show(link: str, *, browser: bool) -> None:
    """Print the link, and open it where there is a graphical browser."""
    typer.echo(link)
    sys.stdout.flush()
    has_screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if browser and has_screen:
        import webbrowser

        webbrowser.open(link)


def register(app: typer.Typer) -> None:
    app.command("open", rich_help_panel="People")(open_pages)
