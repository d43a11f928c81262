"""Finds an e-mail in texts and files, in each of its spellings: plain, escaped in JSON, or encoded in a URL."""

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

_CHUNK, _LONGEST = 1 << 22, 12 * 320  # bytes read at a time, and of the longest e-mail
# not a part of a longer e-mail: a percent-encoded character ends one, unless it is one of +-.
_BEFORE = r"(^|[^\w.%+-]|%(?:[013-9a-f][0-9a-f]|2[0-9acf]))"
_AFTER = r"($|[^\w.-]|\.(?:$|\W))"
ERASED = "[erased]"


def spellings(email: str) -> list[str]:
    """Return the spellings of ``email`` in texts, apart from the case of letters."""
    return sorted({email, *(json.dumps(email, ensure_ascii=each)[1:-1] for each in (True, False)), quote(email)})


def pattern(email: str) -> str:
    """A regular expression, for Python and RE2, that finds ``email`` in any text, but not a longer one."""
    return rf"(?i){_BEFORE}(?:{'|'.join(map(re.escape, spellings(email)))}){_AFTER}"


def without(email: str, text: str) -> str:
    """``text`` with ``email`` replaced by ``[erased]``."""
    count = 1
    while count:  # two neighbours share the character between them, so that one pass finds only the first
        text, count = re.subn(pattern(email), rf"\1{ERASED}\2", text)
    return text


def files_with(paths: Iterable[Path], email: str, longer_emails: Sequence[str] = ()) -> list[Path]:
    """The files in or below ``paths`` with ``email`` in their bytes or names, in any case.

    Occurrences within ``longer_emails`` do not count: in a file nothing may show where a text ends.
    """
    own, longer = _in_bytes([email]), _in_bytes(longer_emails)
    needle = re.compile(b"|".join([*map(re.escape, longer), b"(%s)" % b"|".join(map(re.escape, own))]))
    return [file for path in paths for file in _files(path) if _has(file, own, needle)]


def _in_bytes(emails: Iterable[str]) -> list[bytes]:
    return sorted({word.encode().lower() for email in emails for word in spellings(email)}, key=len, reverse=True)


def _files(path: Path) -> Iterable[Path]:
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else filter(Path.is_file, [path])


def _has(path: Path, own: Iterable[bytes], needle: "re.Pattern[bytes]") -> bool:
    tail = str(path).encode(errors="surrogateescape") + b"\n"
    with suppress(OSError), path.open("rb") as file:  # it was removed meanwhile, or is none of ours to read
        for part in iter(lambda: file.read(_CHUNK), b""):
            text = (tail + part).lower()
            # most files have none of it, which is known a hundred times faster than where a longer one stands
            if any(word in text for word in own) and any(match[1] for match in needle.finditer(text)):
                return True
            tail = part[-_LONGEST:]
    return False
