"""Identifiers for names of any kind: Title Case With Spaces, dots, hyphens, digits first, symbols alone."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def identifiers(names: Iterable[str]) -> Mapping[str, str]:
    """Name → an identifier in snake_case, each once: `Report Exported` is ``report_exported``.

    A name whose identifier another one has as well gets a suffix made of the name, unless it is its own identifier. So
    the order of the plan does not matter.
    """
    unique = dict.fromkeys(names)
    simple = {name: _snake(name) for name in unique}
    shared = Counter(simple.values())
    return {
        name: identifier if identifier == name or shared[identifier] == 1 else f"{identifier}_{_digest(name)}"
        for name, identifier in simple.items()
    }


def pascal(identifier: str) -> str:
    """`report_exported` as ``ReportExported``, and `step_1` as ``Step_1``, since there may be a `step1` as well."""
    words = ((word[:1].upper(), word) for word in identifier.split("_"))
    return "".join(f"_{word}" if word.startswith(initial) else initial + word[1:] for initial, word in words)


def _snake(name: str) -> str:
    separated = "".join(
        character if f"a{character}".isidentifier() else " " for character in unicodedata.normalize("NFKC", name)
    )
    words = _HUMP.sub(" ", separated.replace("_", " ")).upper().lower().split()  # ß is SS in capitals, so ss
    identifier = unicodedata.normalize("NFKC", "_".join(words))
    if not identifier:
        return f"event_{_digest(name)}"
    return identifier if identifier.isidentifier() else f"event_{identifier}"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:6]
