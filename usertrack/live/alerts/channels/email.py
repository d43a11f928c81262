"""E-mail by SMTP, over TLS. Messages about one person are a thread; one that comes twice has the same Message-ID."""

import hashlib
import smtplib
import socket
import ssl
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from usertrack.core.errors import ConnectionFailed, QueryError, SourceBusy, UsageError, UsertrackError
from usertrack.core.words import people_words
from usertrack.delivery.post import is_loopback
from usertrack.live.alerts.cards import Card, cards, title
from usertrack.live.alerts.notifications import Channel, Notifications
from usertrack.live.alerts.outbox import Message, Sender
from usertrack.live.alerts.router import Reason
from usertrack.render import safe
from usertrack.sources.retry import Retry

LISTED = 100
"""People in one message; those beyond are counted."""

_TIMEOUT = 30.0
_SUBJECT = 150  # characters


def mail(message: Message, channel: Channel, settings: Notifications, now: datetime) -> EmailMessage:
    """The message, as plain text: nothing in it has an effect."""
    notification = message.notification
    people = cards((*notification.firing, *notification.resolved), settings, now)
    heading = title(people, is_digest=notification.reason is Reason.DIGEST)
    first = people[0].who if people else ""
    composed = EmailMessage()
    composed["Subject"] = safe.utf8(safe.visible(f"{heading}: {first}")[:_SUBJECT]).decode()
    composed["From"] = channel.sender
    composed["To"] = ", ".join(channel.recipients)
    composed["Date"] = format_datetime(notification.at)
    host = channel.sender.rpartition("@")[2]
    composed["Message-ID"] = f"<{message.uuid}@{host}>"
    about = "digest" if notification.reason is Reason.DIGEST else f"person:{notification.person}"
    thread = hashlib.sha256(f"{notification.channel}|{about}".encode(errors="replace")).hexdigest()[:32]
    composed["References"] = f"<{thread}@{host}>"
    composed["Auto-Submitted"] = "auto-generated"
    parts = [_paragraph(card) for card in people[:LISTED]]
    if len(people) > LISTED:
        parts.append(f"… and {people_words(len(people) - LISTED)}")
    composed.set_content(safe.utf8("\n\n".join([heading, *parts])).decode() + "\n")
    return composed


def _paragraph(card: Card) -> str:
    lines = [card.who, card.tier, *(f"{label}: {value}" for label, value in card.lines)]
    lines += [
        f"Trigger: {trigger.reason}" + (f" ({trigger.state})" if trigger.state else "") for trigger in card.triggers
    ]
    lines += [f"{label}: {value}" for label, value in card.summary]
    lines += [f"To do: {text}" for text in card.advice]
    lines += [f"{link.label}: {link.url}" for link in card.links]
    return "\n".join(safe.visible(line) for line in lines if line)


class MailSender(Sender):
    """``user`` "": nobody logs in. Without TLS nothing is sent, but to this machine."""

    def __init__(
        self, channel: Channel, server: str, user: str, password: Callable[[], str], settings: Notifications
    ) -> None:
        host, _, port = server.partition(":")
        if not host or not (port or "587").isdigit():
            raise UsageError(f"'{safe.visible(server)}' is no mail server", "write smtp.example.com:587")
        self._channel = channel
        self._host, self._port = host, int(port or 587)
        self._user = user
        self._password = password
        self._settings = settings

    def send(self, message: Message, now: datetime) -> str:
        composed = mail(message, self._channel, self._settings, now)
        try:
            with self._connected() as server:
                if self._user:
                    server.login(self._user, self._password())
                server.send_message(composed)
        except smtplib.SMTPException as error:
            raise _failure(error) from None
        except ssl.SSLError:
            raise ConnectionFailed("the mail server's certificate is not trusted", "check smtp.server") from None
        except OSError:
            raise Retry(
                ConnectionFailed("cannot reach the mail server", "check smtp.server, and your network")
            ) from None
        return ""

    def _connected(self) -> smtplib.SMTP:
        if self._port == 465:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=_TIMEOUT, context=ssl.create_default_context())
        server = smtplib.SMTP(self._host, self._port, local_hostname=socket.gethostname(), timeout=_TIMEOUT)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
        elif not is_loopback(self._host):
            server.close()
            raise ConnectionFailed("the mail server offers no TLS, so others could read the data", "use port 465")
        return server


def _failure(error: smtplib.SMTPException) -> UsertrackError | Retry:
    """By the code alone: what a mail server says may repeat what we sent it."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return ConnectionFailed(f"the mail server does not accept smtp.user ({error.smtp_code})", "set SMTP_PASSWORD")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = {code for code, _ in error.recipients.values()}
        busy = all(400 <= code < 500 for code in codes)
        refused = f"the mail server refused every recipient ({', '.join(map(str, sorted(codes)))})"
        return Retry(SourceBusy(refused, "it is tried again")) if busy else QueryError(refused, "check `to:`")
    if isinstance(error, smtplib.SMTPResponseException):
        answered = f"the mail server answered {error.smtp_code}"
        if 400 <= error.smtp_code < 500:
            return Retry(SourceBusy(answered, "it is tried again"))
        return QueryError(answered, "ask who runs it")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return ConnectionFailed("the mail server knows no login that we know", "leave out smtp.user")
    return Retry(SourceBusy("the mail server hung up", "it is tried again"))
