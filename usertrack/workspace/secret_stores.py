"""Stores the secrets of a profile in the system's keyring, or in a file that only its owner can read.

One entry holds all secrets of a profile, so a profile never has some of its new secrets and some of its old ones.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

from usertrack.core.errors import UsageError, require_extra
from usertrack.core.temporary import write_private

StoreName = Literal["keyring", "file"]

_SERVICE = "usertrack"  # as keyrings list it
_IN_A_FILE = "store them in a file: `usertrack login --store file`"


class SecretStore(Protocol):
    """The secrets of profiles, by the names of their settings. Every method raises UsageError."""

    def read(self, profile: str) -> dict[str, str]:
        """Its secrets; none of a profile that is not there."""
        ...

    def write(self, profile: str, secrets: Mapping[str, str]) -> None:
        """Replace its secrets by ``secrets``; where there are none, its entry goes."""
        ...

    def check(self) -> None:
        """Whether it is open: a keyring may be locked."""
        ...


def open_store(name: StoreName, folder: Path) -> SecretStore:
    """The keyring, or the files in ``folder``. Raises UsageError where there is no keyring."""
    if name == "file":
        return FileStore(folder)
    require_extra("keyring")
    if not has_keyring():
        raise UsageError("this system has no keyring that usertrack could use", _IN_A_FILE)
    return KeyringStore()


def has_keyring() -> bool:
    """Whether the package `keyring` is here, and has found a keyring that stores anything."""
    try:
        import keyring
        from keyring.backends import fail, null
    except ImportError:
        return False
    return not isinstance(keyring.get_keyring(), fail.Keyring | null.Keyring)


class KeyringStore:
    """The system's keyring: macOS Keychain, Windows Credential Locker, Secret Service, KWallet."""

    def check(self) -> None:
        import keyring

        with _explained():
            keyring.get_password(_SERVICE, "")

    def read(self, profile: str) -> dict[str, str]:
        import keyring

        with _explained():
            text = keyring.get_password(_SERVICE, profile)
        return _parsed(text, "the entry in the keyring") if text else {}

    def write(self, profile: str, secrets: Mapping[str, str]) -> None:
        import keyring

        with _explained():
            if secrets:
                keyring.set_password(_SERVICE, profile, json.dumps(dict(secrets)))
            elif keyring.get_password(_SERVICE, profile) is not None:
                keyring.delete_password(_SERVICE, profile)
        if self.read(profile) != secrets:
            raise UsageError("the system's keyring did not store the secrets", "`usertrack login --store file`")


@contextmanager
def _explained() -> Iterator[None]:
    """Turns what a keyring raises into a UsageError, without its text, which may hold anything."""
    from keyring.errors import KeyringLocked

    try:
        yield
    except KeyringLocked as error:
        raise UsageError(
            "the system's keyring is locked",
            "unlock it and try again, or store the secrets in a file: `usertrack login --store file`",
        ) from error
    except Exception as error:  # a backend may raise anything, such as errors of D-Bus
        raise UsageError(f"the system's keyring cannot be used ({type(error).__name__})", _IN_A_FILE) from error


class FileStore:
    """A file for each profile, with access for its owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self) -> None:
        """A file is always open."""

    def path(self, profile: str) -> Path:
        return self._folder / f"{profile}.secrets"

    def read(self, profile: str) -> dict[str, str]:
        path = self.path(profile)
        try:
            return _parsed(path.read_text(encoding="utf-8"), str(path))
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: cannot be read ({type(error).__name__})", _AGAIN) from error

    def write(self, profile: str, secrets: Mapping[str, str]) -> None:
        path = self.path(profile)
        try:
            if secrets:
                write_private(path, json.dumps(dict(secrets), indent=1) + "\n")
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write {path} ({error.strerror})", "is the folder yours?") from error


_AGAIN = "`usertrack login` stores the secrets again"


def _parsed(text: str, place: str) -> dict[str, str]:
    try:
        secrets = json.loads(text)
    except ValueError:
        raise UsageError(f"{place}: this is not what usertrack wrote", _AGAIN) from None  # its document is the text
    if not isinstance(secrets, dict) or not all(isinstance(value, str) for value in secrets.values()):
        raise UsageError(f"{place}: this is not what usertrack wrote", _AGAIN)
    return secrets
