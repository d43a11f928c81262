"""A mail server on this machine, with TLS and a login where a test asks for them."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

OPENSSL = shutil.which("openssl")


@dataclass
class Mailbox:
    """``answers`` to messages in turn, the last one for ever."""

    answers: list[str] = field(default_factory=lambda: ["250 OK"])
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    server: str = ""

    async def take(self, server: Any, session: Any, envelope: Envelope) -> str:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.messages.append(message)
            self.recipients.append(envelope.rcpt_tos)
        return answer


@contextmanager
def mailbox(*answers: str, certificate: Path | None = None, password: str = "") -> Iterator[Mailbox]:
    box = Mailbox(list(answers) or ["250 OK"])
    options: dict[str, Any] = {}
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        options |= {"tls_context": context, "require_starttls": True}
    if password:

        def check(server: Any, session: Any, envelope: Any, mechanism: str, login: LoginPassword) -> AuthResult:
            return AuthResult(success=login.password == password.encode(), handled=False)

        options |= {"authenticator": check, "auth_required": True, "auth_require_tls": bool(certificate)}
    with closing(socket.create_server(("localhost", 0))) as free:
        port = free.getsockname()[1]
    handler = type("Handler", (), {"handle_DATA": staticmethod(box.take)})  # aiosmtpd's name of it
    controller = Controller(handler, hostname="localhost", port=port, **options)
    controller.start()
    try:
        box.server = f"localhost:{port}"
        yield box
    finally:
        controller.stop()


def certificate(folder: Path) -> Path:
    """A certificate of `localhost` that signs itself, with its key."""
    assert OPENSSL
    path = folder / "localhost.pem"
    command = [OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    subprocess.run([*command, *names, "-keyout", path, "-out", folder / "own.pem"], check=True, capture_output=True)
    path.write_text(path.read_text() + (folder / "own.pem").read_text())
    return path
