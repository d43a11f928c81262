"""The answer cache: results of queries on disk. An entry is complete, or it does not exist.

An entry is a folder with a spooled result and a few facts about it. Its name has the moment of the answer and a digest
of the query. No entry holds how a source is reached: no password, no key, no address.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from usertrack.core.json_types import JsonObject
from usertrack.core.notify import Notify
from usertrack.core.period import known_zone
from usertrack.core.spool import ResultFile, Spool, SpooledRows
from usertrack.core.table import Column, Table
from usertrack.library.query import Statement, rows_of_key

_SIGNATURE, _VERSION = "usertrack cache", 1
_MOST = 2000  # entries: to look through many more would take as long as a query
_LEFT = 600  # seconds after which nobody still writes an unfinished entry, or reads one that was replaced
_UNFINISHED = ".unfinished-"
_FACTS, _NEEDED, _ANSWERED = "facts.json", "needed.json", "answered"
_NAME = re.compile(r"(now|at)-([0-9]{8}T[0-9]{12})-([0-9a-f]{32})\.(\w+)", re.ASCII)
_TYPE = re.compile(r"(VARCHAR|BIGINT|DOUBLE|BOOLEAN|TIMESTAMP|DATE|JSON)(\[\])*")
_ROWS = {".csv", ".ndjson", ".parquet"}


class _Damaged(Exception):  # noqa: N818
    """The folder has the name of an entry, but does not hold one."""


@dataclass(frozen=True)
class Moment:
    """The moment of an answer (UTC). A ``live`` one was "now" when it was asked, and may answer for a later "now"."""

    as_of: datetime
    live: bool


@dataclass(frozen=True)
class CachedAnswer:
    """A cached answer as `usertrack cache info` lists it; ``size`` is in bytes."""

    name: str
    source: str
    as_of: datetime
    asked_at: datetime
    rows: int
    size: int


class _Name(NamedTuple):
    """The name of a folder in the cache. ``end`` distinguishes entries of the same query."""

    moment: Moment
    digest: str
    end: str

    def __str__(self) -> str:
        kind = "now" if self.moment.live else "at"
        return f"{kind}-{self.moment.as_of:%Y%m%dT%H%M%S%f}-{self.digest}.{self.end}"


class Cache:
    """The entries in ``folder``, bounded to ``size`` bytes: the least recently used go first.

    ``sources`` are the identities of sources by name; answers of other sources are not cached. ``now`` (UTC) is when
    sources are asked. Problems go to ``notify``; they do not fail a run.
    """

    def __init__(self, folder: Path, size: int, sources: Mapping[str, str], now: datetime, notify: Notify) -> None:
        self.folder = folder
        self.size = size
        self.now = now
        self.sources = sources
        self._notify = notify
        self._writable = True
        self._grew = False

    def digest(self, statement: Statement, moment: Moment) -> str:
        """Return the key of ``statement`` at any moment; empty when answers of its source are not cached."""
        if statement.source not in self.sources:
            return ""
        values = {
            name: "as of" if value == moment.as_of else [value]  # in a list, no value can pass for the moment
            for name, value in statement.values.items()
        }
        identity = [statement.sql, values, dict(statement.types), statement.key, statement.limit]
        return _digest(self.sources[statement.source], *identity)

    # Reading

    def moments(self) -> dict[datetime, set[str]]:
        """The digests of the cached answers by live moment."""
        digests: dict[datetime, set[str]] = {}
        for name in self._names():
            if name.moment.live and name.end != _ANSWERED:
                digests.setdefault(name.moment.as_of, set()).add(name.digest)
        return digests

    def alternatives(self, statement: Statement, moment: Moment) -> list[str]:
        """The digests of the answers that hold that to ``statement``; none when its source is not cached."""
        asked = [question for question in (statement, statement.for_all_keys) if question]
        return [self.digest(question, moment) for question in asked] if statement.source in self.sources else []

    def answered_moments(self, purpose: str) -> list[datetime]:
        """The live moments for which every query of ``purpose`` was answered.

        For each of them, so are later ones at which other commands were answered all of the same.
        """
        mark, digests = _digest(purpose), self.moments()
        marks = [name for name in self._names() if (name.digest, name.end) == (mark, _ANSWERED)]
        answered = {name.moment.as_of for name in marks}
        for name in marks:
            with suppress(OSError, ValueError):  # a mark of an earlier version names no queries
                needed = json.loads((self.folder / str(name) / _NEEDED).read_bytes())
                answered |= {
                    at
                    for at, known in digests.items()
                    if at > name.moment.as_of and not any(known.isdisjoint(either) for either in needed)
                }
        return sorted(answered)

    def find(self, statement: Statement, moment: Moment, spool: Spool) -> Table | None:
        """The cached answer to ``statement``, or its rows from the cached answer without its limit to one key."""
        table = self._find(statement, moment, spool)
        if table or statement.for_all_keys is None:
            return table
        all_keys = self._find(statement.for_all_keys, moment, spool)
        return rows_of_key(all_keys, statement) if all_keys else None

    def _find(self, statement: Statement, moment: Moment, spool: Spool) -> Table | None:
        prefix = str(_Name(moment, self.digest(statement, moment), ""))
        same = [self.folder / entry for entry in self._listed() if entry.startswith(prefix) and _name(entry)]
        if not same:
            return None
        path = max(same, key=_used_at)
        try:
            table = _read(path, spool, statement.limit)
        except FileNotFoundError:  # another process has just removed it
            return None
        except (_Damaged, OSError):
            self._notify(f"{statement.name}: its cached answer is damaged, and is not used")
            return None
        with suppress(OSError):  # somebody else's cache, which is read all the same
            os.utime(path)
        return replace(table, query=statement.sql, parameters=dict(statement.values))

    def entries(self) -> list[CachedAnswer]:
        """The undamaged entries, the latest first."""
        return sorted(
            (entry for entry, _ in self.tables()), key=lambda entry: (entry.asked_at, entry.name), reverse=True
        )

    def tables(self) -> Iterator[tuple[CachedAnswer, SpooledRows]]:
        """The undamaged entries with their rows, in no order."""
        for name in self._names():
            with suppress(_Damaged, OSError):
                table, file, _ = _facts(self.folder / str(name))
                assert table.asked_at is not None
                size = file.path.stat().st_size
                yield (
                    CachedAnswer(table.name, table.source, name.moment.as_of, table.asked_at, file.rows, size),
                    file.read(),
                )

    # Writing

    def keep(self, statement: Statement, moment: Moment, table: Table) -> None:
        """Cache ``table`` as the answer to ``statement``, unless it is larger than the whole cache may be."""
        digest = self.digest(statement, moment)
        file = table.rows.file if isinstance(table.rows, SpooledRows) else None
        if not digest or file is None or not self._writable:
            return
        try:
            if file.path.stat().st_size > self.size:
                self._notify(f"{statement.name} is not cached: its answer is larger than cache_size")
                return
            self._write(_Name(moment, digest, os.urandom(4).hex()), file, _about(table, file, self.now))
            self._grew = True
        except OSError as error:
            self._give_up(error)

    def close(self, moment: Moment, answered: str = "", needed: Sequence[Sequence[str]] = ()) -> None:
        """Record that the purpose ``answered`` was answered in full, with what it ``needed``; drop old entries."""
        if not (self._grew and self._writable):
            return
        try:
            if answered and moment.live:
                mark = self.folder / str(_Name(moment, _digest(answered), _ANSWERED))
                mark.mkdir(mode=0o700, exist_ok=True)
                (mark / _NEEDED).touch(mode=0o600)
                (mark / _NEEDED).write_text(json.dumps(needed))
            self._prune()
        except OSError as error:
            self._give_up(error)

    def clear(self, before: datetime | None = None) -> int:
        """Remove all entries, or those of a moment ``before`` that one; returns how many. Raises OSError."""
        names = [name for name in self._names() if before is None or name.moment.as_of < before]
        for name in names:
            self._remove(self.folder / str(name))
        for left in self.folder.glob(f"{_UNFINISHED}*") if before is None else ():
            shutil.rmtree(left, ignore_errors=True)
        return sum(name.end != _ANSWERED for name in names)

    def _write(self, name: _Name, file: ResultFile, about: JsonObject) -> None:
        """Write an entry under another name, and rename it in one step."""
        _make(self.folder)
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.folder))
        try:
            rows = unfinished / f"rows{file.path.suffix}"
            _link(file.path, rows)
            rows.chmod(0o600)
            (unfinished / _FACTS).touch(mode=0o600)
            (unfinished / _FACTS).write_text(json.dumps(about | {"checksum": _checksum(rows)}))
            unfinished.rename(self.folder / str(name))
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise

    def _give_up(self, error: OSError) -> None:
        already_notified, self._writable = not self._writable, False
        if not already_notified:
            self._notify(f"answers are not cached: {self.folder} cannot be written ({error.strerror})")

    def _names(self) -> list[_Name]:
        """The folders that are named like entries; nothing else is ever read or removed."""
        return [name for entry in self._listed() if (name := _name(entry))]

    def _listed(self) -> list[str]:
        try:
            return os.listdir(self.folder)
        except OSError:
            return []

    def _prune(self) -> None:
        """Drop unfinished and replaced entries, then the least recently used ones."""
        for left in self.folder.glob(f"{_UNFINISHED}*"):
            if self._age(left) > _LEFT:
                shutil.rmtree(left, ignore_errors=True)
        latest: dict[tuple[Any, ...], Path] = {}
        total = 0
        for name in sorted(self._names(), key=lambda name: _used_at(self.folder / str(name)), reverse=True):
            path = self.folder / str(name)
            later = latest.setdefault((name.moment, name.digest), path)
            total += _size(path)
            if len(latest) > _MOST or total > self.size or (later is not path and self._age(path) > _LEFT):
                total -= _size(path)
                self._remove(path)

    def _age(self, path: Path) -> float:
        return self.now.timestamp() - _used_at(path)

    def _remove(self, path: Path) -> None:
        """Rename the entry before it is removed, so that other processes see it complete, or not at all."""
        with suppress(FileNotFoundError):  # another process was faster
            shutil.rmtree(path.rename(self.folder / f"{_UNFINISHED}{path.name}"), ignore_errors=True)


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()[:32]


def _name(text: str) -> _Name | None:
    match = _NAME.fullmatch(text)
    if match is None:
        return None
    try:
        as_of = datetime.fromisoformat(f"{match[2][:15]}.{match[2][15:]}+00:00").replace(tzinfo=UTC)
    except ValueError:  # a day that no calendar has
        return None
    return _Name(Moment(as_of, match[1] == "now"), match[3], match[4])


def _about(table: Table, file: ResultFile, asked_at: datetime) -> JsonObject:
    return {
        "what": _SIGNATURE,
        "version": _VERSION,
        "name": table.name,
        "source": table.source,
        "asked_at": asked_at.isoformat(),
        "rows_in": f"rows{file.path.suffix}",
        "columns": [[column.name, column.type] for column in file.columns],
        "rows": file.rows,
        "longest": file.longest,
        "truncated": table.truncated,
        "timezone": table.timezone,
        "notes": list(table.notes),
        "elapsed": table.elapsed,
    }


def _facts(folder: Path) -> tuple[Table, ResultFile, int]:
    """The entry's table without its rows, the file that holds them, and its checksum; raises _Damaged or OSError."""
    try:
        about = json.loads((folder / _FACTS).read_bytes())
        columns = tuple(Column(str(name), str(kind)) for name, kind in about["columns"])
        path = folder / str(about["rows_in"])
        table = Table(
            columns=columns,
            rows=(),
            name=str(about["name"]),
            source=str(about["source"]),
            elapsed=float(about["elapsed"]),
            truncated=bool(about["truncated"]),
            asked_at=datetime.fromisoformat(about["asked_at"]).astimezone(UTC),
            timezone=known_zone(about["timezone"]),
            notes=tuple(map(str, about["notes"])),
        )
        file = ResultFile(path, columns, int(about["rows"]), int(about["longest"]))
        ours = (about["what"], about["version"], path.parent) == (_SIGNATURE, _VERSION, folder)
        if not ours or path.suffix not in _ROWS or not all(_TYPE.fullmatch(column.type) for column in columns):
            raise _Damaged
        return table, file, int(about["checksum"])
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise _Damaged from error


def _read(folder: Path, spool: Spool, limit: int | None) -> Table:
    """The table in an entry; raises _Damaged or OSError."""
    table, file, checksum = _facts(folder)
    link = spool.path(file.path.suffix[1:])
    try:  # in our own folder no other process removes it
        os.link(file.path, link)
    except OSError:
        link = file.path
    if _checksum(link) != checksum:
        raise _Damaged
    return replace(table, rows=replace(file, path=link).read().head(limit))


def _checksum(path: Path) -> int:
    """The CRC-32 of the file: finds disk errors and incomplete copies, not tampering."""
    checksum = 0
    with path.open("rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            checksum = zlib.crc32(part, checksum)
    return checksum


def _link(source: Path, target: Path) -> None:
    """A hard link to the file, or a copy of it where that is on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _make(folder: Path) -> None:
    """Make the folder, readable for its owner alone and ignored by git: it holds data about customers."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / ".gitignore").write_text("*\n")


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size(folder: Path) -> int:
    with suppress(OSError):
        return sum(entry.stat().st_size for entry in os.scandir(folder))
    return 0
