"""Finds an e-mail in texts and files, in each of its spellings: plain, escaped in JSON, or encoded in a URL.

Files are also searched unpacked: parts of ClickHouse, which are frames of LZ4 or ZSTD, and parquet.
"""

import json
import os
import re
import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from unicodedata import normalize
from urllib.parse import quote

_CHUNK, _LONGEST = 1 << 22, 12 * 320  # bytes read at a time, and of the longest e-mail
_LARGEST = 1 << 28  # bytes of a frame: ClickHouse makes none above 256 MiB, and a file of anything else may say so
# not a part of a longer e-mail: a percent-encoded character ends one, unless it is one of +-.
_BEFORE = r"(^|[^\w.%+-]|%(?:[013-9a-f][0-9a-f]|2[0-9acf]))"
_AFTER = r"($|[^\w.-]|\.(?:$|\W))"
_PACKED = {0x82: "lz4_raw", 0x90: "zstd"}
"""The methods of ClickHouse's frames: after a checksum of 16 bytes, the method and the sizes packed (with these nine
bytes) and unpacked, then the packed bytes."""
_CHECKSUM, _FRAME = 16, struct.Struct("<BII")  # ClickHouse's blocks: CityHash128, then method, packed size, size
ERASED = "[erased]"


def pattern(email: str) -> str:
    """A regular expression, for Python and RE2, that finds ``email`` in any text, but not a longer one."""
    return rf"(?i){_BEFORE}(?:{_spelled(email)}){_AFTER}"


def _spelled(email: str) -> str:
    """A regular expression for the spellings of ``email``, apart from the case of ASCII letters."""
    spellings = (map(re.escape, _spellings(character)) for character in normalize("NFC", email))
    return "".join(f"(?:{'|'.join(of_character)})" for of_character in spellings)


def _spellings(character: str) -> list[str]:
    """Return how texts, JSON and URLs write ``character`` in either case, composed or not."""
    cases = {case for case in (character, character.lower(), character.upper()) if len(case) == 1}
    texts = {normalize(form, case) for case in cases for form in ("NFC", "NFD")}
    encoded = {json.dumps(text, ensure_ascii=in_ascii)[1:-1] for text in texts for in_ascii in (True, False)}
    once = {quote(text) for text in texts}
    return sorted({*texts, *encoded, *once, *map(quote, once)}, key=len, reverse=True)  # twice: a URL within a URL


def without(email: str, text: str) -> str:
    """``text`` with ``email`` replaced by ``[erased]``."""
    count = 1
    while count:  # two neighbours share the character between them, so that one pass finds only the first
        text, count = re.subn(pattern(email), rf"\1{ERASED}\2", text)
    return text


def files_with(
    paths: Iterable[Path], email: str, longer_emails: Sequence[str] = (), proven: Collection[Path] = ()
) -> list[Path]:
    """The files in or below ``paths`` with ``email`` in their bytes, packed or not, or names, in any case.

    Occurrences within ``longer_emails`` do not count: in a file nothing may show where a text ends. Files in the
    folders ``proven`` are not unpacked.
    """
    longest_first = sorted(longer_emails, key=len, reverse=True)
    needle = re.compile("|".join([*map(_spelled, longest_first), f"({_spelled(email)})"]).encode().lower())
    rare = _rare(email)
    return [
        file for path in paths for file in _files(path) if _has(file, rare, needle, unpack=file.parent not in proven)
    ]


def _rare(email: str) -> set[tuple[bytes, ...]]:
    """Return what no text with ``email`` is without, for each way to write it: for all but few files, a quick proof."""
    parts = re.split("[^\0-\x7f]+", normalize("NFC", email).lower())
    writes = (str, quote, lambda part: quote(quote(part)), lambda part: json.dumps(part)[1:-1])
    return {tuple(write(part).lower().encode() for part in parts) for write in writes}


def _files(path: Path) -> Iterable[Path]:
    if not path.is_dir():
        return filter(Path.is_file, [path])
    walk = os.walk(path)  # which goes on where another run removes its folder meanwhile
    return sorted(file for folder, _, names in walk for name in names if (file := Path(folder, name)).is_file())


def _has(path: Path, rare: Collection[Sequence[bytes]], needle: "re.Pattern[bytes]", *, unpack: bool) -> bool:
    named = iter([str(path).encode(errors="surrogateescape")])
    contents = [named, _plain(path), *([_unpacked(path)] if unpack else [])]
    return any(_in_any(pieces, rare, needle) for pieces in contents)


def _in_any(pieces: Iterator[bytes], rare: Collection[Sequence[bytes]], needle: "re.Pattern[bytes]") -> bool:
    tail = b""
    with suppress(OSError):  # removed meanwhile, or none of ours to read
        for piece in pieces:
            text = (tail + piece).lower()
            if any(all(part in text for part in parts) for parts in rare) and any(
                match[1] for match in needle.finditer(text)
            ):
                return True
            tail = text[-_LONGEST:]
    return False


def _plain(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(_CHUNK), b"")


def _unpacked(path: Path) -> Iterator[bytes]:
    """The content of a packed file; of a damaged one, what comes before the damage. Nothing of any other file."""
    return _rows(path) if path.suffix == ".parquet" else _frames(path)


def _rows(path: Path) -> Iterator[bytes]:
    import duckdb

    with suppress(duckdb.Error), duckdb.cursor() as connection:  # a database of its own for each costs 20 times as much
        rows = connection.execute("SELECT to_json(rows)::VARCHAR FROM read_parquet($1) AS rows", [str(path)])
        while row := rows.fetchone():
            yield row[0].encode(errors="surrogatepass")


def _frames(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while len(head := file.read(_CHECKSUM + _FRAME.size)) == _CHECKSUM + _FRAME.size:
            method, packed, size = _FRAME.unpack_from(head, _CHECKSUM)
            if method not in _PACKED or packed <= _FRAME.size or size > _LARGEST:
                return
            from pyarrow import ArrowException, Codec  # there wherever ClickHouse is

            data = file.read(packed - _FRAME.size)
            try:
                yield Codec(_PACKED[method]).decompress(data, size).to_pybytes()
            except (ArrowException, OSError):
                return
