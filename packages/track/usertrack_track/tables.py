"""The product's own tables as a destination: what waited for the database is stored, and makes properties due."""

from __future__ import annotations

from collections.abc import Sequence

from usertrack_track.declared import Declarations
from usertrack_track.loading import load
from usertrack_track.message import Message
from usertrack_track.outbox import Delivery
from usertrack_track.postgres import Postgres, refuses
from usertrack_track.statements import Statement, insert, mark_due


class Tables:
    """``send`` returns once the database has what it takes."""

    name = "the database"

    def __init__(self, postgres: Postgres, declarations: Declarations) -> None:
        self._postgres = postgres
        self._declarations = declarations

    def send(self, messages: Sequence[Message], seconds: float = 0) -> Delivery:
        """Store messages; one at fault does not stop the others. Raises psycopg's errors of a database down.

        What was stored before such an error is stored once, as ids are unique. ``seconds`` is not heeded: the
        connection has limits of its own.
        """
        load("psycopg")
        import psycopg

        try:
            self._postgres.run([statement for message in messages for statement in self._statements(message)])
        except psycopg.Error as error:
            if not refuses(error):
                raise
            if len(messages) == 1:
                return Delivery(refused={messages[0].uuid: type(error).__name__})
            middle = len(messages) // 2
            first, second = self.send(messages[:middle]), self.send(messages[middle:])
            return Delivery(first.accepted | second.accepted, first.refused | second.refused)
        return Delivery(frozenset(message.uuid for message in messages))

    def _statements(self, message: Message) -> list[Statement]:
        due = self._declarations.due_after(message.event, message.distinct_id, message.properties)
        return [insert(message), *([mark_due(due)] if due else [])]
