"""Copies the company's own events from its Postgres into the store of a workspace, and keeps the copy up to date.

Hours are compared by the number of their rows and a digest: in each run those since shortly before the last event, and
once a day, or with `--refresh`, all. So what came late, was changed or deleted is found, too.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.core.errors import QueryError
from usertrack.core.notify import Notify
from usertrack.core.source_names import POSTGRES
from usertrack.core.spool import Spool, SpooledRows, temporary_spool
from usertrack.core.sql_file import sql_file
from usertrack.core.table import Table
from usertrack.core.words import number, plural
from usertrack.library.entities import Entity
from usertrack.library.library import Library
from usertrack.library.parameter import Parameter
from usertrack.library.query import Query
from usertrack.sources import Source
from usertrack.workspace.settings import Settings

if TYPE_CHECKING:
    from usertrack.server.database.store import Store
    from usertrack.server.synchronise import SyncState

OVERLAP = timedelta(hours=1)
"""How far before the last event each run looks: a row is seen when its transaction ends, and often has the time of its
start. Hardly any transaction takes an hour; rows that come still later are found when all hours are compared."""
COMPARED_EVERY = timedelta(days=1)
"""How often all hours are compared. That reads the whole table: some 3 s for a million rows."""
CHUNK = 250_000
"""Rows that are read and stored together, which takes some seconds: a run that is killed loses no more than these."""

_SPAN = "SELECT * FROM usertrack_rows AS r WHERE r.time >= (SELECT {since}) AND r.time < (SELECT {end})"
_ACCOUNTS = "SELECT a.account_id::text AS id, a.email FROM {accounts} AS a WHERE a.email IS NOT NULL"
_DIGEST_OF_ACCOUNTS = (
    f"SELECT count(*) || ':' || coalesce(sum(hashtextextended(r::text, 0)), 0) FROM ({_ACCOUNTS}) AS r"
)
_REPEATED = """SELECT coalesce(sum(repeated), 0)::bigint, (array_agg(id))[:3]
FROM (
    SELECT r.id, count(*) - 1 AS repeated FROM usertrack_rows AS r
    WHERE r.id <> '' AND r.time >= (SELECT {since}) GROUP BY r.id HAVING count(*) > 1
) AS ids"""
_PARAMETERS = {name: Parameter(name, "timestamp") for name in ("first", "since", "end", "now")}
_EARLIEST, _LATEST = datetime(1900, 1, 2, tzinfo=UTC), datetime(2299, 12, 31, tzinfo=UTC)  # times that ClickHouse has


@dataclass
class _Chunk:
    """Rows that are read together, of ``since`` to ``end``; ``hours`` are those with rows, and their digests."""

    since: datetime
    end: datetime = _LATEST
    hours: dict[str, str] = field(default_factory=dict)
    rows: int = 0


@dataclass
class EventCopy:
    """The copy of ``entity`` in ``store``, the events of a project with ``token``.

    ``wanted`` is called now and then, and raises when nobody waits for the copy any more.
    """

    store: "Store"
    token: str
    entity: Entity
    settings: Settings
    library: Library
    postgres: Source
    notify: Notify
    wanted: Callable[[], None] = lambda: None
    state: "SyncState" = field(init=False)
    spool: Spool = field(init=False)
    now: datetime = field(init=False)

    async def bring_up_to_date(self, now: datetime, *, compare: bool = False) -> None:
        """Copy what is new in Postgres; ``compare`` looks for changes in all hours. Raises a UsertrackError."""
        from usertrack.server.synchronise import SyncState

        if since := self.store.left_out("pseudonyms"):
            text = f"no event was copied since {since[:10]}, when your own events got pseudonyms"
            self.notify(f"{text}: remove {self.store.path} to copy them with names")
            return
        select = hashlib.sha256(self.entity.select.encode()).hexdigest()
        state = SyncState.read(self.store.copied)
        self.state, self.now = state if state.select == select else SyncState(select), now
        compare |= now - _moment(self.state.compared_at) >= COMPARED_EVERY
        with temporary_spool() as self.spool:
            first = _moment(self.store.left_out("before"))
            if await self.compare(first, everything=compare) and not compare:
                await self.compare(first, everything=True)
            await self.give_emails()
        self.state.write(self.store.copied)

    async def compare(self, first: datetime, *, everything: bool) -> int:
        """Read the hours again in which anything is not as it was; what is before ``first`` has expired.

        Digests are taken before rows are read: what comes in between is read twice, and never missed.
        Returns how many events were replaced that had another time before. Either their rows got a new time, or two
        rows have one id: only a comparison of all hours can tell.
        """
        state, refused = self.state, dict(self.state.refused)
        recent = max(_moment(state.last) - OVERLAP, _EARLIEST).replace(minute=0, second=0, microsecond=0)
        since = first if everything else max(first, recent)
        limits = {"first": _EARLIEST, "end": _LATEST, "since": since, "now": self.now}
        sql = sql_file(__package__, "event_hours")
        if since == _EARLIEST:  # or at a time that is none
            sql = sql.replace("WHERE r.time >=", "WHERE true OR r.time >=")
        rows = (await self.ask(sql, **limits)).rows
        hours = {str(hour): (int(count), str(digest)) for hour, count, digest, _ in rows if hour}
        total, done, moved = sum(count for count, _ in hours.values()), 0, 0
        known = {hour: digest for hour, digest in state.hours.items() if _moment(hour) > since - timedelta(hours=1)}
        for chunk in _chunks(hours, known, since) or ([] if state.compared_at else [_Chunk(since)]):
            moved += await self.replace(chunk, f"{number(done)} of {number(total)} events copied")
            done += chunk.rows
        last = max((_utc(last) for *_, last in rows if last is not None), default=since)
        state.last = max(last, _moment(state.last)).isoformat()
        if everything:
            unreadable = sum(int(count) for hour, count, *_ in rows if not hour)
            [[repeated, ids]] = (await self.ask(_REPEATED, since=since)).rows
            state.refused |= {
                "no time of the years 1900 to 2299": (unreadable, []),
                "the id is that of another one": (int(repeated), list(ids or [])),
            }
            if not state.compared_at and total:
                self.notify(f"{plural(total, 'event')} of {self.entity.place} copied; from now on only what is new")
            state.compared_at = self.now.isoformat()
        for problem, (count, ids) in state.refused.items():
            if count and count != refused.get(problem, (0, []))[0]:
                such = f", such as {', '.join(ids)}" if ids else ""
                self.notify(f"{plural(count, 'row')} of your events left out: {problem}{such}")
        return moved

    async def replace(self, chunk: _Chunk, doing: str) -> int:
        """Read the rows of ``chunk``, and make the copy like them; returns how many events had another time before."""
        from usertrack.server.synchronise import replace_events

        def progress(message: str) -> None:
            self.wanted()
            self.notify(f"{doing}: {message}", passing=True)

        progress("asking Postgres")
        rows = _file(await self.ask(_SPAN, since=chunk.since, end=chunk.end))
        store, state, span = self.store, self.state, (chunk.since, chunk.end)
        replaced = await asyncio.to_thread(replace_events, store, rows, self.token, span, self.now, progress)
        rows.unlink()  # a first run has many such files
        others = {hour: state.hours[hour] for hour in state.hours if not chunk.since <= _moment(hour) < chunk.end}
        state.hours, state.refused = others | chunk.hours, state.refused | replaced.refused
        state.accounts = "" if replaced.events else state.accounts  # the new people have no e-mails yet
        state.write(store.copied)
        return replaced.moved

    async def give_emails(self) -> None:
        """Give people the e-mails of their accounts, if these are others than before, or there are new people.

        Where accounts cannot be read, queries of Postgres say so.
        """
        from usertrack.server.synchronise import give_emails

        with suppress(QueryError):
            [[digest]] = (await self.ask(_DIGEST_OF_ACCOUNTS)).rows
            if digest != self.state.accounts:
                await asyncio.to_thread(give_emails, self.store, _file(await self.ask(_ACCOUNTS)), self.now)
                self.state.accounts = str(digest)

    async def ask(self, sql: str, **values: object) -> Table:
        entity, library = self.entity, self.library
        offered = {name: self.settings[name] for name in ("internal", "timezone")}
        offered |= {"as_of": self.now, "entities": library.entities.present}
        is_of_events = "usertrack_rows" in sql
        text = sql_file(__package__, "event_rows").replace("{events}", entity.select) + sql if is_of_events else sql
        query = Query(
            entity.place if is_of_events else "accounts of your events",
            POSTGRES,
            library.expanded(text, POSTGRES, _PARAMETERS),
            written=entity.written,
            path=entity.path if is_of_events else None,
            line=entity.line,
            params={name: _PARAMETERS[name] for name in values},
            entities=library.entities,
        )
        return await self.postgres.run(query.bind(values, offered), self.spool)


def _chunks(hours: Mapping[str, tuple[int, str]], known: Mapping[str, str], since: datetime) -> list[_Chunk]:
    """Return what is to be read: all hours but the ``known`` ones that are as they were, and empty ones around them."""
    chunks: list[_Chunk] = []
    is_open = False
    for hour in sorted({*hours, *known}):
        rows, digest = hours.get(hour, (0, ""))
        is_same, begin = digest == known.get(hour), max(since, _moment(hour))
        if is_open and (is_same or chunks[-1].rows + rows > CHUNK):
            chunks[-1].end, since, is_open = begin, begin, False
        if is_same:
            since = begin + timedelta(hours=1)
            continue
        if not is_open:
            chunks.append(_Chunk(since))
            is_open = True
        chunks[-1].rows += rows
        chunks[-1].hours |= {hour: digest} if digest else {}
    return chunks


def _moment(text: str) -> datetime:
    """Return an ISO time in UTC, for the empty text the earliest that there is."""
    return _utc(datetime.fromisoformat(text)) if text else _EARLIEST


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _file(table: Table) -> Path:
    assert isinstance(table.rows, SpooledRows)
    assert table.rows.file
    return table.rows.file.path
