"""Sources that say themselves what a scan finds in them.

A text has files, each after a line `=== PATH`. At the end of a line, `//> name(key, other?)` (`#>` in Python) is a
site, several of them joined by ` | `, and `//! words` something unresolved whose reason has these words.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from usertrack.plan.scan.scan import scan_code
from usertrack.plan.scan.site import Scan

_MARK = re.compile(r"(?://|#)([>!]) ?(.*?)(?:-->)?\s*$")


def written(text: str, folder: Path) -> Mapping[str, str]:
    """The files of ``text``, written into ``folder``."""
    parts = re.split(r"^=== (\S+)\n", text.lstrip("\n"), flags=re.MULTILINE)[1:]
    files = dict(zip(parts[::2], parts[1::2], strict=True))
    for path, source in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(source)
    return files


def marks(files: Mapping[str, str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Sites as `file:line name(keys)`; unresolved places as (`file:line`, words of the reason)."""
    sites: list[str] = []
    unresolved: list[tuple[str, str]] = []
    for path, source in files.items():
        for number, line in enumerate(source.splitlines(), 1):
            mark = _MARK.search(line)
            if mark and mark.group(1) == ">":
                sites += [f"{path}:{number} {site.strip()}" for site in mark.group(2).split(" | ")]
            elif mark:
                unresolved.append((f"{path}:{number}", mark.group(2).strip()))
    return sorted(sites), unresolved


def lines_of_sites(scan: Scan) -> list[str]:
    """The sites of a scan as marks have them."""
    return sorted(
        f"{site.file}:{site.line} {site.event if site.event is not None else site.pattern}"
        + _keys([p.name if p.always else f"{p.name}?" for p in site.properties])
        for site in scan.sites
    )


def _keys(keys: list[str]) -> str:
    return f"({', '.join(keys)})" if keys else ""


def scan_marked(text: str, folder: Path) -> tuple[Scan, list[str], list[tuple[str, str]]]:
    """The scan of a text's files, and what their marks say."""
    files = written(text, folder)
    return scan_code([folder]), *marks(files)
