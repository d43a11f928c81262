"""Where an e-mail stands in texts and in bytes of files, however it is written: as it is, in JSON, in an address."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

_CHUNK, _LONGEST = 1 << 22, 12 * 320  # bytes read at a time, and of the longest e-mail
# no part of a longer e-mail: what is percent-encoded ends one, unless it is one of +-.
_BEFORE = r"(^|[^\w.%+-]|%(?:[013-9a-f][0-9a-f]|2[0-9acf]))"
_AFTER = r"($|[^\w.-]|\.(?:$|\W))"
ERASED = "[erased]"


def spellings(email: str) -> list[str]:
    """The ways in which texts have ``email``, but for the case of letters."""
    return sorted({email, *(json.dumps(email, ensure_ascii=each)[1:-1] for each in (True, False)), quote(email)})


def pattern(email: str) -> str:
    """A regular expression, of Python and RE2 alike, that finds ``email`` in any text, and no longer one."""
    return rf"(?i){_BEFORE}(?:{'|'.join(map(re.escape, spellings(email)))}){_AFTER}"


def without(email: str, text: str) -> str:
    """``text`` with ``[erased]`` in the place of ``email``."""
    count = 1
    while count:  # two side by side share what is between them
        text, count = re.subn(pattern(email), rf"\1{ERASED}\2", text)
    return text


def files_with(paths: Iterable[Path], email: str, longer_emails: Sequence[str] = ()) -> list[Path]:
    """The files in or below ``paths`` in whose bytes or names ``email`` stands, in any case.

    Not within the e-mails of ``others``: texts stand side by side, and nothing tells where one ends.
    """
    longer_spellings = sorted({each for other in longer_emails for each in spellings(other)}, key=len, reverse=True)
    words = [*(re.escape(each.encode()) for each in longer_spellings)]
    own = b"|".join(re.escape(each.encode()) for each in spellings(email))
    needle = re.compile(b"|".join([*words, b"(%s)" % own]), re.IGNORECASE)
    return [file for path in paths for file in _files(path) if _has(file, needle)]


def _files(path: Path) -> Iterable[Path]:
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else filter(Path.is_file, [path])


def _has(path: Path, needle: "re.Pattern[bytes]") -> bool:
    tail = str(path).encode(errors="surrogateescape") + b"\n"
    try:
        with path.open("rb") as file:
            for part in iter(lambda: file.read(_CHUNK), b""):
                if any(match[1] for match in needle.finditer(tail + part)):
                    return True
                tail = part[-_LONGEST:]
    except OSError:  # removed meanwhile, or none of ours to read
        return False
    return False
