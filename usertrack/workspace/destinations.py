"""Guards keys: one goes to a host that a file of the workspace sets only once `usertrack allow` has allowed that.

Whoever can write the host into that file would otherwise be sent a key that they cannot read.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from usertrack.core.errors import UsageError
from usertrack.workspace.allowed import HOW_TO_ALLOW, fingerprint_of, is_allowed
from usertrack.workspace.folder import FILE_NAME
from usertrack.workspace.setting_specs import SETTINGS
from usertrack.workspace.settings import Settings

_HOSTS = {"posthog.personal_api_key": "posthog.host", "neon.api_key": "neon.api"}
_VENDORS = {"https://eu.posthog.com", *(str(SETTINGS[host].default) for host in _HOSTS.values())}


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


def destinations(settings: Settings) -> list[Destination]:
    """List hosts to be allowed: neither PostHog's and Neon's own, nor any from the file that has the key, too.

    The key of a profile is bound to the profile's host, and the options and the environment are the user's own.
    """
    listed = []
    for key, name in _HOSTS.items():
        source, host = settings.values[key], settings.values[name]
        file = _file(host.origin)
        if not settings.root or not source.is_set or source.origin.startswith("profile "):
            continue
        address = str(host.plain).rstrip("/")
        if file in (".env", FILE_NAME) and file != _file(source.origin) and address not in _VENDORS:
            listed.append(Destination(key, address, settings.root, f"{settings.root}/{host.place}"))
    return listed


def require_allowed(settings: Settings, key: str) -> None:
    """Raise UsageError where nobody has allowed ``key`` to go to its host."""
    for destination in destinations(settings):
        if destination.setting == key and not destination.is_allowed:
            raise UsageError(
                f"{destination.place}: nobody has allowed '{key}' to go to {destination.text}", HOW_TO_ALLOW
            )


def _file(origin: str) -> str:
    """The file of a value that was read from one: for the output of a command, no file."""
    return origin.partition(", line ")[0]
