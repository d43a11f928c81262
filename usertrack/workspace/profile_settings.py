"""The settings of a profile: which one is used, its values, and what a user should know of it."""

from collections.abc import Mapping, Sequence

from usertrack.core.errors import UsageError
from usertrack.workspace.profiles import DEFAULT, Profile, find_profile, require_profile
from usertrack.workspace.setting import Setting, fetched

_HOST, _PROJECT, _KEY, _DATABASE = "posthog.host", "posthog.project_id", "posthog.personal_api_key", "postgres.url"


def used_profile(named: Setting | None) -> Profile | None:
    """The profile that the setting names, else the default one, if there is one. Raises UsageError."""
    if named is None or named.plain is None:
        return find_profile(DEFAULT)
    return None if named.plain == "off" else require_profile(named.plain, named.origin)


def profile_settings(profile: Profile) -> dict[str, Setting]:
    """Its settings by name; the secrets are read when they are needed."""
    origin = f"profile {profile.name}"
    settings = {}
    if profile.project_id:
        settings[_HOST] = Setting(profile.host, origin)
        settings[_PROJECT] = Setting(profile.project_id, origin)
        settings[_KEY] = fetched(_KEY, lambda: profile.secret(_KEY), origin)
    if profile.database:
        settings[_DATABASE] = fetched(_DATABASE, lambda: profile.secret(_DATABASE), origin, profile.database)
    return settings


def profile_defaults(profile: Profile) -> dict[str, Setting]:
    """Return the settings that hold where a workspace says nothing else: the domains of your own people."""
    domains = profile.internal.replace(",", " ").split()
    return {"internal": Setting(domains, f"profile {profile.name}")} if domains else {}


def bind_key(profile: Profile, values: dict[str, Setting]) -> None:
    """Let the profile's key go to the profile's host alone, whatever a `.env` that somebody sent says."""
    host = values[_HOST]
    if values[_KEY].origin != f"profile {profile.name}" or _same(host.plain, profile.host):
        return

    def refuse() -> str:
        raise UsageError(
            f"the key of profile '{profile.name}' is for {profile.host}, not for the host of {host.origin}",
            f"take that host away, set a key beside it, or run `usertrack login {profile.name}`",
        )

    values[_KEY] = fetched(_KEY, refuse, values[_KEY].origin)


def profile_notes(
    profile: Profile, named: Setting | None, earlier: Sequence[Mapping[str, Setting]], written: Mapping[str, Setting]
) -> tuple[str, ...]:
    """Return notes for the user: secrets that others may read, and values that are not those they may expect.

    ``earlier`` settings go before the profile, those ``written`` in usertrack.yaml behind it.
    """
    own = profile_settings(profile)
    origins = [layer[name].origin for layer in earlier for name in own if name in layer]
    notes = [profile.warning]
    if origins and named and named.origin == "option":
        notes.append(f"not all is of profile '{profile.name}': {', '.join(origins)} goes first")
    hidden = [written[name].origin for name in (_PROJECT, _KEY, _DATABASE) if name in own and name in written]
    if hidden and not (_PROJECT in written and written[_PROJECT].plain == profile.project_id):
        notes.append(f"profile '{profile.name}' goes before {', '.join(hidden)}; `profile: off` there switches it off")
    return tuple(filter(None, notes))


def _same(host: str, other: str | None) -> bool:
    return host.rstrip("/").lower() == (other or "").rstrip("/").lower()
