"""One setting's value: where it came from, and, for a secret, how to get it when it is needed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from usertrack.core.errors import UsageError


@dataclass(frozen=True)
class Setting:
    """A value, ``plain`` or a secret to ``fetch`` when it is first needed, with where it came from. No repr holds it.

    ``address``: of an address that is secret, the part that is not.
    """

    plain: Any = field(repr=False)
    origin: str
    fetch: Callable[[], str] | None = field(default=None, repr=False)
    address: str = ""

    @cached_property
    def value(self) -> Any:  # noqa: ANN401
        """Raises UsageError for a secret that cannot be fetched."""
        return self.fetch() if self.fetch else self.plain

    @property
    def place(self) -> str:
        """The place where it was set, as messages begin: ``usertrack.yaml:4``."""
        return self.origin.replace(", line ", ":")

    @property
    def is_set(self) -> bool:
        return self.fetch is not None or self.plain is not None


def fetched(name: str, fetch: Callable[[], str], origin: str, address: str = "") -> Setting:
    """The secret ``name``, checked once it is fetched."""

    def secret() -> str:
        value = fetch()
        check_key(name, value, origin)
        return value

    return Setting(None, origin, secret, address)


def check_key(name: str, key: Any, origin: str) -> None:  # noqa: ANN401
    """Raise UsageError for an API key with characters that no key has."""
    if name.endswith("api_key") and key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise UsageError(f"'{name}' holds characters that no key has ({origin})", "copy it again")
