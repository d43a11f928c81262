"""Profiles: what `usertrack login` stored under a name. A project of PostHog, a database, and where their secrets are.

A profile is a readable file, ``NAME.yaml`` in `profiles_folder`. It holds no secret.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.temporary import write_private
from usertrack.core.yaml_file import YamlFile
from usertrack.workspace.private_files import config_folder, is_exposed
from usertrack.workspace.secret_stores import FileStore, SecretStore, StoreName, open_store

DEFAULT = "default"
"""The profile that is used where none is named, if there is one of this name."""

_BOUND = "posthog.host"
"""Beside the secrets: where the key may go."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_STORES: tuple[StoreName, ...] = ("keyring", "file")
_HEADER = "# Written by `usertrack login`, which also changes it. The secrets are not here: see `secrets`.\n"


@dataclass(frozen=True)
class Profile:
    """A login, kept under a name.

    ``host`` and ``project_id`` are None without PostHog. ``database`` is '' without Postgres, else the address as
    libpq writes it, without its password. ``store`` has the secrets. ``internal`` are domains of your own people,
    separated by commas.
    """

    name: str
    host: str | None
    project_id: str | None
    database: str
    store: StoreName
    folder: Path = field(repr=False)
    internal: str = ""

    @cached_property
    def secrets(self) -> dict[str, str]:
        """The secrets by the names of their settings, read once. Raises UsageError."""
        return self.open_store().read(self.name)

    def secret(self, setting: str) -> str:
        """Raises UsageError for a secret that is not in the store, or there for another host."""
        place = "the system's keyring" if self.store == "keyring" else str(self.secrets_file)
        again = f"`usertrack login {self.name}` stores it again"
        if setting not in self.secrets:
            raise UsageError(f"profile '{self.name}': '{setting}' is not in {place}", again)
        if self.secrets.get(_BOUND) != self.host:
            raise UsageError(f"profile '{self.name}': what is in {place} is for another host than {self.host}", again)
        return self.secrets[setting]

    def open_store(self) -> SecretStore:
        return open_store(self.store, self.folder)

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.yaml"

    @property
    def secrets_file(self) -> Path | None:
        return FileStore(self.folder).path(self.name) if self.store == "file" else None

    @property
    def warning(self) -> str:
        """The warning about a file of secrets that others may read; '' if all is well."""
        path = self.secrets_file
        if path is None or not is_exposed(path):
            return ""
        return f"others may read the secrets of profile '{self.name}': run `chmod 600 {path}`"


class _ProfileFile(YamlFile):
    needs = "the parts of a profile, such as `host: https://us.posthog.com`"
    hint = "`usertrack login` writes it anew"
    parts: ClassVar = {"host", "project_id", "database", "internal", "secrets"}

    def profile(self) -> Profile:
        self.known(self.document, self.parts)
        for part, value in self.document.items():
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise self.wrong(f"'{part}' takes a text", part, hint=self.hint)
        text = {part: str(value) for part, value in self.document.items()}
        if text.get("secrets") not in _STORES:
            raise self.wrong("'secrets' takes keyring or file", "secrets", hint=self.hint)
        store: StoreName = "keyring" if text["secrets"] == "keyring" else "file"
        host, project_id = text.get("host"), text.get("project_id")
        if (host is None) != (project_id is None):
            raise self.wrong("'host' and 'project_id' belong together", hint=self.hint)
        database, internal = text.get("database", ""), text.get("internal", "")
        return Profile(self.path.stem, host, project_id, database, store, self.path.parent, internal)


def profiles_folder() -> Path:
    return config_folder() / "profiles"


def profile_names() -> list[str]:
    try:
        return sorted(path.stem for path in profiles_folder().glob("[!.]*.yaml"))
    except OSError:
        return []


def find_profile(name: str) -> Profile | None:
    """The profile called ``name``, if there is one; raises UsageError for a broken file."""
    return _ProfileFile(profiles_folder() / f"{name}.yaml").profile() if name in profile_names() else None


def require_profile(name: str, where: str = "") -> Profile:
    """The profile called ``name``, which ``where`` asks for. Raises UsageError with what there is."""
    if profile := find_profile(name):
        return profile
    names = profile_names()
    there_are = f"there are: {', '.join(names)}" if names else "there are none: `usertrack login` makes one"
    raise UsageError(
        f"there is no profile '{name}'{f' ({where})' if where else ''}", did_you_mean(name, names, there_are)
    )


def check_name(name: str) -> str:
    """``name``, if a profile may be called so; raises UsageError."""
    if not _NAME.fullmatch(name) or name == "off":
        raise UsageError(f"a profile cannot be called '{name}'", "use letters, digits, `.`, `-` and `_`")
    return name


def save_profile(profile: Profile, secrets: Mapping[str, str]) -> None:
    """Store the profile with its ``secrets``: all of it, or what there was before. Raises UsageError.

    With the secrets goes the host that they are for: one that is killed halfway leaves no key for another host.
    """
    store, previous = profile.open_store(), _previous(profile)
    before: Mapping[str, str] = {}
    with suppress(UsageError):  # what cannot be read is replaced
        before = store.read(profile.name)
    parts = {"host": profile.host, "project_id": profile.project_id, "database": profile.database}
    parts |= {"internal": profile.internal} if profile.internal else {}
    try:
        store.write(profile.name, {**secrets, _BOUND: profile.host} if profile.host else secrets)
        _write(profile.file, {**parts, "secrets": profile.store})
    except BaseException:
        with suppress(UsageError):
            store.write(profile.name, before)
        raise
    if previous and previous.store != profile.store:
        previous.open_store().write(profile.name, {})


def _previous(profile: Profile) -> Profile | None:
    with suppress(UsageError):
        return find_profile(check_name(profile.name))
    return None


def remove_profile(profile: Profile) -> None:
    """Remove its secrets, then the profile itself. Raises UsageError, after which it can be removed again."""
    profile.open_store().write(profile.name, {})
    try:
        profile.file.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot remove {profile.file} ({error.strerror})") from error


def _write(path: Path, parts: Mapping[str, str | None]) -> None:
    import yaml

    present = {name: value for name, value in parts.items() if value}
    try:
        write_private(path, _HEADER + yaml.safe_dump(present, sort_keys=False, allow_unicode=True))
    except OSError as error:
        raise UsageError(f"cannot write {path} ({error.strerror})", "is the folder yours?") from error
