"""Options of commands that serve: the certificate of HTTPS, and the proxies whose word counts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import diagnostics
from usertrack.core.errors import UsageError

if TYPE_CHECKING:
    import ssl

Certificate = Annotated[
    Path | None, typer.Option("--tls-cert", metavar="FILE", help="Speak HTTPS with this certificate and its chain.")
]
CertificateKey = Annotated[
    Path | None, typer.Option("--tls-key", metavar="FILE", help="The key of --tls-cert; default: it is in that file.")
]
TrustedProxies = Annotated[
    list[str] | None,
    typer.Option(
        "--trusted-proxy",
        metavar="ADDRESS",
        help="Proxy or network whose X-Forwarded-For and X-Forwarded-Proto headers count; default: none.",
    ),
]


def tls_of(certificate: Path | None, key: Path | None) -> "ssl.SSLContext | None":
    """Return the context of HTTPS, or None without a certificate. Raises UsageError for files that are no pair."""
    if certificate is None:
        if key:
            raise UsageError("--tls-key needs a certificate", "name it with --tls-cert")
        return None
    from usertrack.server.http.front_door import tls_context

    try:
        return tls_context(str(certificate), str(key or ""))
    except OSError as error:
        hint = "name a certificate and its key as PEM: --tls-cert FILE --tls-key FILE"
        reason = error.strerror if error.errno and not hasattr(error, "reason") else "no pair of PEM files"
        raise UsageError(f"the certificate {certificate} cannot be used ({reason})", hint) from None


def warn_of_plain(host: str, tls: "ssl.SSLContext | None", trusted: Sequence[str] | None, danger: str) -> None:
    """Warn where other machines are served without encryption, and no proxy was named that has it."""
    from usertrack.server.serve import is_public

    if is_public(host) and not tls and not trusted:
        diagnostics.note(
            f"warning: {danger}, since {host} is served without TLS:"
            " name --tls-cert and --tls-key, or a proxy that has it with --trusted-proxy"
        )
