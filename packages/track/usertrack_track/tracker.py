"""One product's tracking: what it says is held against the plan, stored, and left to the relay."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING
from uuid import UUID

from usertrack_track.configuration import Configuration
from usertrack_track.declared import DECLARATIONS, Declarations
from usertrack_track.exceptions import UsageError
from usertrack_track.flags import FlagFacts, flag_client, is_enabled
from usertrack_track.loading import load
from usertrack_track.message import Message, event_name, make_message
from usertrack_track.outbox import Outbox
from usertrack_track.postgres import Postgres, refuses
from usertrack_track.profiles import MemoryProfiles, PostgresProfiles, Profiles, group_message
from usertrack_track.relay import Destination, Relay
from usertrack_track.sender import Sender
from usertrack_track.spool import Spool
from usertrack_track.statements import Connection, Due, Statement, execute, insert, mark_due
from usertrack_track.tables import Tables
from usertrack_track.target import FunctionDestination
from usertrack_track.watch import Watch

if TYPE_CHECKING:
    from posthog import Posthog

LOG = logging.getLogger("usertrack_track")
_EXTRA = "The extra `{0}` of usertrack-track brings it, or `pip install {0}`"
_DOWN_SECONDS = 5.0  # that requests go without their database after it has failed


class Tracker:
    """Every method may be called from any thread. After a fork, the child needs a tracker of its own."""

    def __init__(self, configuration: Configuration, declarations: Declarations = DECLARATIONS) -> None:
        self.configuration = configuration
        self.watch = Watch(configuration.plan, enforce=configuration.enforce)
        self.spool = Spool(configuration.spool_folder())
        self.postgres = None
        if configuration.database_url and find_spec("psycopg"):
            self.postgres = Postgres(configuration.database_url)
        self._declarations = declarations
        self.profiles: Profiles
        if self.postgres:
            self.profiles = PostgresProfiles(self.postgres, declarations)
        else:
            self.profiles = MemoryProfiles(self.spool, declarations)
        outbox: Outbox = self.postgres or self.spool
        self.relay = Relay(outbox, self._destination, self._prepare)
        self.saver = Relay(self.spool, self._tables)  # of what waited while the database was down
        self._down_until = 0.0
        self._logged_subjects: set[str] = set()
        self._logging = threading.Lock()
        self._flags: Posthog | None = None
        if configuration.database_url and not self.postgres:
            text = "psycopg is not installed: DATABASE_URL is not used. %s"
            self._warn_once("no psycopg", text, _EXTRA.format("psycopg"))

    def track(  # noqa: PLR0913
        self,
        distinct_id: object,
        event: str,
        properties: Mapping[str, object] | None = None,
        *,
        session_id: str | None = None,
        groups: Mapping[str, object] | None = None,
        timestamp: datetime | None = None,
        uuid: UUID | str | None = None,
        connection: Connection | None = None,
    ) -> str:
        event, values = event_name(event), dict(properties or {})
        if session_id:
            values["$session_id"] = session_id
        if groups:
            values["$groups"] = {name: str(key) for name, key in groups.items()}
        self.watch.check(event, values)
        message = self._message(event, distinct_id, values, timestamp=timestamp, uuid=uuid)
        due = self._declarations.due_after(event, message.distinct_id, message.properties)
        return self._store(message, connection, due)

    def identify(
        self,
        distinct_id: object,
        properties: Mapping[str, object] | None = None,
        *,
        set_once: Mapping[str, object] | None = None,
        anonymous_id: str | None = None,
        connection: Connection | None = None,
    ) -> str:
        _require(distinct_id, call="identify")
        fields = {"$set": dict(properties or {}), "$set_once": dict(set_once or {}), "$anon_distinct_id": anonymous_id}
        values = {name: value for name, value in fields.items() if value}
        self.watch.check("$identify", values)
        return self._store(self._message("$identify", distinct_id, values), connection)

    def group_identify(
        self,
        group_type: str,
        group_key: object,
        properties: Mapping[str, object] | None = None,
        *,
        connection: Connection | None = None,
    ) -> str:
        _require(group_type, group_key, call="group_identify")
        self.watch.check("$groupidentify", {"$group_type": group_type, "$group_set": properties or {}})
        drop = self._dropper("$groupidentify")
        return self._store(group_message(group_type, str(group_key), properties or {}, drop=drop), connection)

    def alias(self, distinct_id: object, alias: object, *, connection: Connection | None = None) -> str:
        _require(distinct_id, alias, call="alias")
        ids = {"distinct_id": str(distinct_id), "alias": str(alias)}
        return self._store(self._message("$create_alias", distinct_id, ids), connection)

    def refresh(self, *holder_ids: object, group_type: str = "") -> None:
        due = [due for holder in holder_ids for due in self._declarations.of_holder(str(holder), group_type)]
        self.profiles.add(due)
        self._wake()

    def is_feature_enabled(self, flag: str, distinct_id: object, facts: FlagFacts, *, default: bool) -> bool:
        settings = self.configuration
        client = None if callable(settings.target) else settings.target or self._flags
        if client is None:
            if settings.project_key is None or not find_spec("posthog"):
                self._warn_once("no flags", "without POSTHOG_API_KEY and PostHog's SDK no feature flag is known")
                return default
            client = self._flags = flag_client(settings.project_key, settings.host, self.track)
        return is_enabled(client, flag, str(distinct_id), facts, default=default)

    def migrate(self) -> None:
        if self.postgres is None:
            raise UsageError("there is no database to make tables in", "set DATABASE_URL, or hand over database_url")
        self.postgres.migrate()
        self._down_until = 0.0

    def flush(self, seconds: float) -> bool:
        return self.relay.drain(seconds)

    def close(self, seconds: float) -> bool:
        """Flush, end the thread and close connections and files; the next call opens them again."""
        self.stop()
        done = self.relay.drain(seconds)
        self.spool.close()
        if self.postgres:
            self.postgres.close()
        return done

    def stop(self) -> None:
        """End the threads; what waits stays where it is, and the next event begins them again."""
        self.relay.stop()
        self.saver.stop()

    def _message(
        self,
        event: str,
        distinct_id: object,
        properties: Mapping[str, object],
        timestamp: datetime | None = None,
        uuid: UUID | str | None = None,
    ) -> Message:
        return make_message(event, distinct_id, properties, timestamp=timestamp, uuid=uuid, drop=self._dropper(event))

    def _dropper(self, event: str) -> Callable[[str], None]:
        def drop(name: str) -> None:
            self._warn_once(f"{event}.{name}", "%s: the property %s is left out, as JSON cannot hold it", event, name)

        return drop

    def _store(self, message: Message, connection: Connection | None, due: Sequence[Due] = ()) -> str:
        statements = [insert(message), *([mark_due(due)] if due else [])]
        if connection is not None:
            execute(connection, statements)
        elif not (self.postgres and self._stored(self.postgres, statements)):
            self._spool(message, due)
        self._wake()
        return message.uuid

    def _stored(self, postgres: Postgres, statements: Sequence[Statement]) -> bool:
        """Whether the database has it. While it is down, requests do not wait for it again and again.

        What it refuses goes the way of all that it does not have, and is set aside there.
        """
        load("psycopg")
        import psycopg

        if self._down_until:
            if time.monotonic() < self._down_until:
                return False
            self._down_until = time.monotonic() + _DOWN_SECONDS  # one request tries, and the others go on
        try:
            postgres.run(statements)
        except psycopg.Error as error:
            if refuses(error):
                self._down_until = 0.0
                return False
            self._down_until = time.monotonic() + _DOWN_SECONDS
            missing = isinstance(error, (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName))
            reason = (
                "has no tables for them: run `python -m usertrack_track migrate`" if missing else "does not take them"
            )
            name = type(error).__name__
            self._warn_once(
                name, "the database %s (%s): events wait in %s until it does", reason, name, self.spool.folder
            )
            return False
        self._down_until = 0.0
        return True

    def _spool(self, message: Message, due: Sequence[Due]) -> None:
        if not self.postgres:
            text = "no database: events wait in %s until PostHog has them, and are in no table of yours"
            self._warn_once("no database", text, self.spool.folder)
        self.spool.append(message)
        if due and not self.postgres:
            self.profiles.add(due)

    def _wake(self) -> None:
        if self.configuration.relay:
            self.relay.wake()
        elif self.postgres:
            self.saver.start()

    def _prepare(self) -> int:
        """Prepare what the relay sends: the database gets what it has missed, and properties are computed."""
        stored = self.saver.step() if self.postgres else 0
        return stored + self.profiles.refresh()

    def _tables(self) -> Tables | None:
        return Tables(self.postgres, self._declarations) if self.postgres else None

    def _destination(self) -> Destination | None:
        target = self.configuration.target
        if callable(target):
            return FunctionDestination(target)
        if self.configuration.project_key is None:
            self._warn_once("no key", "POSTHOG_API_KEY is not set: events wait, and this process sends none")
            return None
        if not find_spec("posthog"):
            self._warn_once("no SDK", "PostHog's SDK is not installed: events wait. %s", _EXTRA.format("posthog"))
            return None
        return Sender(self.configuration.project_key, self.configuration.host, target)

    def _warn_once(self, subject: str, text: str, *values: object) -> None:
        """Log ``text``, once for a subject."""
        with self._logging:
            if subject in self._logged_subjects or len(self._logged_subjects) > 1_000:
                return
            self._logged_subjects.add(subject)
        LOG.warning(text, *values)


def _require(*ids: object, call: str) -> None:
    if any(value is None or value == "" for value in ids):
        raise UsageError(f"{call}() was called without an id", "call it once the visitor has logged in")
