"""Copies the company's own events from its Postgres into the store of a workspace, and keeps the copy up to date.

Each run looks at the rows since shortly before the last one, by their number and a digest. Once a day, and with
`--refresh`, it compares all days so: it finds what came late, was changed or deleted.
"""

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usertrack.core.errors import QueryError
from usertrack.core.notify import Notify
from usertrack.core.spool import SpooledRows, temporary_spool
from usertrack.core.table import Table
from usertrack.core.words import number, plural
from usertrack.library.entities import Entity
from usertrack.library.library import Library
from usertrack.library.parameter import Parameter
from usertrack.library.query import Query

if TYPE_CHECKING:
    from usertrack.server.database.store import Store
    from usertrack.server.synchronise import SyncState
    from usertrack.sources import Source

OVERLAP = timedelta(hours=1)
"""How far back each run looks: a row is seen when its transaction ends, and its time is often the start of that.

An hour is longer than nearly all transactions. Rows that come still later are found when all days are compared.
"""
COMPARED_EVERY = timedelta(days=1)
"""How often all days are compared. That reads the whole table: some 3 s for a million rows."""
CHUNK = 250_000
"""Rows that are read and stored together, which takes some seconds: a run that is killed loses no more than these."""

# A visitor without an account is their session. Without that each event is somebody else's, as in `track`, which writes
# the id of the event for the person.
_ROWS = """WITH usertrack_events AS NOT MATERIALIZED (
{events}
), usertrack_rows AS NOT MATERIALIZED (
    SELECT
        coalesce(id::text, '') AS id,
        CASE
            WHEN anonymous THEN coalesce('session ' || nullif(session, ''), id::text, '')
            ELSE person::text
        END AS whose,
        CASE WHEN anonymous THEN 'false' ELSE '' END AS profile,
        coalesce(name, '') AS name,
        time::timestamptz AS time,
        coalesce(properties, '') AS properties,
        coalesce(session, '') AS session
    FROM (SELECT *, coalesce(person::text IN ('', id::text), true) AS anonymous FROM usertrack_events) AS e
)
"""
_DIGEST = "count(*) || ':' || coalesce(sum(hashtextextended(r::text, 0)), 0) AS digest"
_LAST = "max(r.time) FILTER (WHERE r.time <= {now}) AS last"
_DAYS = f"""SELECT (r.time AT TIME ZONE 'UTC')::date::text AS day, count(*) AS rows, {_LAST}, {_DIGEST}
FROM usertrack_rows AS r WHERE {{all}} OR r.time >= {{since}} GROUP BY day"""
_RECENT = f"SELECT {_LAST}, {_DIGEST} FROM usertrack_rows AS r WHERE r.time >= {{since}}"
_SPAN = "SELECT * FROM usertrack_rows AS r WHERE r.time >= {since} AND r.time < {until}"
_ACCOUNTS = "SELECT a.account_id::text AS id, a.email FROM {accounts} AS a WHERE a.email IS NOT NULL"
_DIGEST_OF_ACCOUNTS = f"SELECT {_DIGEST} FROM ({_ACCOUNTS}) AS r"
_PARAMETERS = {
    "all": Parameter("all", "bool"),
    **{name: Parameter(name, "timestamp") for name in ("since", "until", "now")},
}
_EARLIEST, _LATEST = datetime(1900, 1, 2, tzinfo=UTC), datetime(2299, 12, 31, tzinfo=UTC)  # times that ClickHouse has
_UNREADABLE = "no readable timestamp"


@dataclass
class _Chunk:
    """Rows that are read together, of ``since`` to ``until``; ``days`` are those with rows, and their digests."""

    since: datetime
    until: datetime = _LATEST
    days: dict[str, str] = field(default_factory=dict)
    rows: int = 0


class EventCopy:
    """The copy of ``entity`` in ``store``. ``offered`` are values of parameters that files of entities may name.

    ``wanted`` is called now and then, and raises when nobody waits for the copy any more.
    """

    def __init__(
        self,
        store: "Store",
        token: str,
        entity: Entity,
        library: Library,
        postgres: "Source",
        offered: Mapping[str, Any],
        notify: Notify,
        wanted: Callable[[], None],
    ) -> None:
        self._store, self._token, self._entity, self._library = store, token, entity, library
        self._postgres, self._offered, self._notify, self._wanted = postgres, offered, notify, wanted

    async def bring_up_to_date(self, now: datetime, *, compare: bool = False) -> None:
        """Copy what is new in Postgres; ``compare`` looks for changes in all days. Raises a UsertrackError."""
        from usertrack.server.database.left_out import left_out
        from usertrack.server.synchronise import SyncState

        if since := left_out(self._store, "pseudonyms"):
            self._notify(
                f"no event was copied since {since[:10]}, when your own events got pseudonyms: remove "
                f"{self._store.path} to copy them with names"
            )
            return
        self._now = now
        state, select = SyncState.read(self._store.path), hashlib.sha256(self._entity.select.encode()).hexdigest()
        if state.select != select:
            state = SyncState(select)
        first = _moment(left_out(self._store, "before"), _EARLIEST)
        compare |= now - _moment(state.compared_at, _EARLIEST) >= COMPARED_EVERY
        with temporary_spool() as self._spool:
            accounts = asyncio.create_task(self._digest_of_accounts())
            if compare:
                await self._compare(state, first, now)
            else:
                await self._copy_recent(state, first, now)
            await self._give_emails(state, await accounts, now)
        state.write(self._store.path)

    async def _copy_recent(self, state: "SyncState", first: datetime, now: datetime) -> None:
        since = max(first, _moment(state.since, first))
        [[last, digest]] = (await self._ask(_RECENT, since=since, now=now)).rows
        if digest != state.recent:
            ahead = await self._look_ahead(since if last is None else _utc(last) - OVERLAP, first, now)
            await self._replace(state, _Chunk(since), now, "copying new events")
            state.since, state.recent = ahead

    async def _compare(self, state: "SyncState", first: datetime, now: datetime) -> None:
        """Read the days again in which anything is not as it was when they were read last."""
        self._notify("comparing your events with their copy", passing=True)
        rows = (await self._ask(_DAYS, since=first, now=now, all=first == _EARLIEST)).rows
        days = {str(day): (int(count), str(digest)) for day, count, _, digest in rows if _is_day(day)}
        last = max((_utc(last) for _, _, last, _ in rows if last is not None), default=first)
        ahead = await self._look_ahead(last - OVERLAP, first, now)
        total, done, is_first = sum(count for count, _ in days.values()), 0, not state.compared_at
        for chunk in _chunks(days, state.days, first):
            await self._replace(state, chunk, now, f"{number(done)} of {number(total)} events copied")
            done += chunk.rows
        unreadable = sum(int(count) for day, count, *_ in rows if not _is_day(day))
        if unreadable != state.refused.pop(_UNREADABLE, 0):
            self._say_refused(_UNREADABLE, unreadable)
        state.refused |= {_UNREADABLE: unreadable} if unreadable else {}
        if is_first and total:
            self._notify(f"{plural(total, 'event')} of {self._entity.place} copied; from now on only what is new")
        (state.since, state.recent), state.compared_at = ahead, now.isoformat()

    async def _look_ahead(self, since: datetime, first: datetime, now: datetime) -> tuple[str, str]:
        """Where the next run begins to look, and the digest that it finds there if nothing is new.

        It is asked for before rows are read: those that come in between are then read twice, and not missed.
        """
        since = max(first, since)
        [[_, digest]] = (await self._ask(_RECENT, since=since, now=now)).rows
        return since.isoformat(), str(digest)

    async def _replace(self, state: "SyncState", chunk: _Chunk, now: datetime, doing: str) -> None:
        """Read the rows of ``chunk``, and make the copy like them."""
        from usertrack.server.synchronise import replace_events

        def progress(message: str) -> None:
            self._wanted()
            self._notify(f"{doing}: {message}", passing=True)

        progress("asking Postgres")
        rows = _file(await self._ask(_SPAN, since=chunk.since, until=chunk.until))
        span = chunk.since, chunk.until
        replaced = await asyncio.to_thread(replace_events, self._store, rows, self._token, span, now, progress)
        days = {
            day: digest for day, digest in state.days.items() if not _day_of(chunk.since) <= day < _day_of(chunk.until)
        }
        state.days = days | chunk.days
        state.accounts = "" if replaced.events else state.accounts  # the new people have no e-mails yet
        for problem, (count, ids) in replaced.refused.items():
            if count != state.refused.get(problem):
                self._say_refused(problem, count, ids)
        unreadable = {name: count for name, count in state.refused.items() if name == _UNREADABLE}
        state.refused = unreadable | {problem: count for problem, (count, _) in replaced.refused.items()}
        if replaced.repeated:
            self._notify(f"{plural(replaced.repeated, 'row')} of your events left out: the id is that of another one")
        state.write(self._store.path)

    def _say_refused(self, problem: str, count: int, ids: list[str] | None = None) -> None:
        such = f", such as {', '.join(ids)}" if ids else ""
        self._notify(f"{plural(count, 'row')} of your events left out: {problem}{such}")

    async def _digest_of_accounts(self) -> str:
        """The digest of the accounts' e-mails; empty where they cannot be read, as other queries say."""
        try:
            [[digest]] = (await self._ask(_DIGEST_OF_ACCOUNTS)).rows
        except QueryError:
            return ""
        return str(digest)

    async def _give_emails(self, state: "SyncState", digest: str, now: datetime) -> None:
        from usertrack.server.synchronise import give_emails

        if digest and digest != state.accounts:
            accounts = _file(await self._ask(_ACCOUNTS))
            await asyncio.to_thread(give_emails, self._store, accounts, now)
            state.accounts = digest

    async def _ask(self, sql: str, **values: Any) -> Table:
        entity, reads_rows = self._entity, "usertrack_rows" in sql
        text = (_ROWS.replace("{events}", entity.select) if reads_rows else "") + sql
        query = Query(
            entity.place if reads_rows else "accounts of your events",
            "neon",
            self._library.expanded(text, "neon", _PARAMETERS),
            written=entity.written,
            path=entity.path if reads_rows else None,
            line=entity.line,
            params={name: _PARAMETERS[name] for name in values},
        )
        return await self._postgres.run(query.bind(values, {"as_of": self._now, **self._offered}), self._spool)


def _chunks(days: Mapping[str, tuple[int, str]], known: Mapping[str, str], first: datetime) -> list[_Chunk]:
    """What is to be read: all days but the ``known`` ones that are as they were, and the empty ones around them."""
    chunks: list[_Chunk] = []
    begin: datetime | None = first  # of what is not in a chunk yet; None within one
    for day in sorted({*days, *known}):
        rows, digest = days.get(day, (0, ""))
        midnight = _moment(day, first)
        if digest == known.get(day):
            if begin is None:
                chunks[-1].until = midnight
            begin = midnight + timedelta(days=1)
            continue
        if begin is not None or chunks[-1].rows + rows > CHUNK:
            if begin is None:
                chunks[-1].until = midnight
            chunks.append(_Chunk(max(first, midnight) if begin is None else begin))
            begin = None
        chunks[-1].rows += rows
        chunks[-1].days |= {day: digest} if digest else {}
    return chunks or ([] if known else [_Chunk(first)])


def _is_day(day: str | None) -> bool:
    """Whether ``day`` is one of those that ClickHouse has: not NULL, infinity, or the day of an emperor."""
    return bool(day and re.fullmatch(r"\d{4}-\d\d-\d\d", day) and _day_of(_EARLIEST) <= day < _day_of(_LATEST))


def _day_of(moment: datetime) -> str:
    return moment.date().isoformat()


def _moment(text: str, otherwise: datetime) -> datetime:
    return _utc(datetime.fromisoformat(text)) if text else otherwise


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _file(table: Table) -> Path:
    assert isinstance(table.rows, SpooledRows)
    assert table.rows.file
    return table.rows.file.path
