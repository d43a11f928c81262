"""Guards keys: one goes to an address that a file of the workspace sets only once `usertrack allow` has allowed that.

Whoever can write the address into that file would otherwise be sent a key that they cannot read.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from usertrack.core.errors import UsageError
from usertrack.workspace.allowed import HOW_TO_ALLOW, fingerprint_of, is_allowed
from usertrack.workspace.folder import FILE_NAME
from usertrack.workspace.postgres_address import for_libpq
from usertrack.workspace.setting_specs import SETTINGS
from usertrack.workspace.settings import Settings

ADDRESSES = {
    "posthog.personal_api_key": "posthog.host",
    "neon.api_key": "neon.api",
    "slack.bot_token": "slack.api",
    "pagerduty.routing_key": "pagerduty.url",
    "smtp.password": "smtp.server",
}
"""The setting of the address that each key goes to. A database's address holds its password itself."""
LIBPQ_SECRETS = ("PGPASSWORD", "PGSERVICE", "PGPASSFILE")
"""Variables out of which libpq takes a password. The file of PGPASSFILE names the host of each."""
_SECRET_PARTS = ("password", "sslpassword")
_VENDORS = {
    *("https://eu.posthog.com", "https://events.eu.pagerduty.com/v2/enqueue"),
    *(str(SETTINGS[name].default) for name in ADDRESSES.values()),
}


@dataclass(frozen=True)
class Destination:
    """The address ``text``, to which the key ``setting`` goes. ``place`` is the file and line that set it."""

    question: ClassVar = "allow this key to go there"
    setting: str
    text: str
    folder: Path
    place: str

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.folder, self.setting, self.text)

    @property
    def is_allowed(self) -> bool:
        return is_allowed(self.fingerprint)


def destinations(settings: Settings, mail_servers: Mapping[str, str] | None = None) -> list[Destination]:
    """List addresses to be allowed: neither the vendors' own, nor any from the file that has the key, too.

    The key of a profile is bound to the profile's host, and the options and the environment are the user's own.

    Args:
        settings: with the keys, their addresses, and where each was written.
        mail_servers: by channel of patterns.yaml, its `server:`, which goes before `smtp.server`.
    """
    return [*_of_settings(settings), *_of_libpq(settings), *_of_channels(settings, mail_servers or {})]


def _of_settings(settings: Settings) -> Iterator[Destination]:
    for key, name in ADDRESSES.items():
        address = settings.values[name]
        text = str(address.plain).rstrip("/")
        if _file(address.origin) in (".env", FILE_NAME) and text not in _VENDORS:
            yield from _goes_to(settings, key, text, _file(address.origin), address.place)


def _of_libpq(settings: Settings) -> Iterator[Destination]:
    """A database without a password in its address gets that of the user's environment."""
    url = settings.values["postgres.url"]
    if not settings.root or _file(url.origin) != ".env":
        return
    from psycopg import Error
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    names = [name for name in ("PGPASSWORD", "PGSERVICE") if os.environ.get(name)]
    try:
        parts = conninfo_to_dict(for_libpq(url.plain))
    except (Error, ValueError):  # no address; ValueError: bytes that are no text
        return
    if parts.get("service") and "PGSERVICE" not in names:  # a section of ~/.pg_service.conf, with its password
        names.append("PGSERVICE")
    if parts.get("hostaddr"):  # `~/.pgpass` goes by the host, and the connection by this
        names.append("PGPASSFILE")
    if not parts.get("password"):
        address = make_conninfo("", **{name: str(part) for name, part in parts.items() if name not in _SECRET_PARTS})
        for name in names:
            yield Destination(name, address, settings.root, f"{settings.root}/{url.place}")


def _of_channels(settings: Settings, mail_servers: Mapping[str, str]) -> Iterator[Destination]:
    for name, server in mail_servers.items():
        yield from _goes_to(settings, "smtp.password", server, "patterns.yaml", f"patterns.yaml, channel '{name}'")


def _goes_to(settings: Settings, key: str, text: str, file: str, place: str) -> Iterator[Destination]:
    source = settings.values[key]
    is_own = source.origin.startswith("profile ") or _file(source.origin) == file
    if settings.root and source.is_set and not is_own:
        yield Destination(key, text, settings.root, f"{settings.root}/{place}")


def require_allowed(settings: Settings, *keys: str, mail_servers: Mapping[str, str] | None = None) -> None:
    """Raise UsageError where nobody has allowed one of ``keys`` to go to its address."""
    for destination in destinations(settings, mail_servers):
        if destination.setting in keys and not destination.is_allowed:
            raise UsageError(
                f"{destination.place}: nobody has allowed '{destination.setting}' to go to {destination.text}",
                HOW_TO_ALLOW,
            )


def _file(origin: str) -> str:
    """The file of a value that was read from one: for the output of a command, no file."""
    return origin.partition(", line ")[0]
