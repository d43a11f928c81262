"""Writes docs/licences.md: the licence of each library that `requirements/users.txt` pins, as its metadata say."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/licences.md"
PINS = ROOT / "requirements/users.txt"
_HEAD = """\
# Licences

usertrack is under the [MIT licence](../LICENSE) and copies no code of others. These libraries are installed beside it:
the base, and the extras `local`, `plan` and `keyring`, as pinned in `requirements/users.txt`. psycopg and pygal are
under the LGPL: who ships them with usertrack must let users replace them, which a virtual environment does.

Written by `python scripts/licence_docs.py` from the metadata of what is installed.

| library | licence |
| --- | --- |
"""


def pinned() -> list[str]:
    """Return the names of the libraries that are pinned for users."""
    return re.findall(r"^([\w.-]+)==", PINS.read_text(), re.MULTILINE)


def licence(name: str) -> str | None:
    """Return the SPDX expression of an installed library, else its classifiers or own words; None for others."""
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return None
    classifiers = [text.rpartition(" :: ")[2] for text in told.get_all("Classifier", []) if text.startswith("License ")]
    own = (told.get("License") or "").strip().splitlines()
    return told.get("License-Expression") or ", ".join(classifiers) or (own[0][:60] if own else "not said")


def page() -> str:
    """Return the page, for what is installed here."""
    rows = [f"| {name} | {found} |" for name in pinned() if (found := licence(name))]
    return _HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
