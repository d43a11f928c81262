"""A list of people that an answer of product analytics counts, as a document."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from usertrack.core.document import Document, Field, Listing
from usertrack.core.table import Table
from usertrack.core.words import number, people_words
from usertrack.product.scope import Scope


def people_document(
    title: str, scope: Scope, people: Table, fields: Mapping[str, Field], semantics: Sequence[str] = ()
) -> Document:
    """A row per person, with the columns of ``fields``; ``people`` has an ``email``, None for who never said it."""
    table = replace(people, timezone=scope.timezone, as_of=scope.as_of)
    return Document(
        title=title,
        subtitle=" · ".join([people_words(len(people.rows)), scope.window, *semantics, *scope.conditions]),
        blocks=(Listing(table, fields=fields, columns=tuple(fields), limit=20),),
        notes=unknown_note(people),
        table=table,
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def unknown_note(people: Table) -> tuple[str, ...]:
    """A note of how many have no ``email``; nothing where all have one."""
    email = people.names.index("email")
    unknown = sum(row[email] is None for row in people.rows)
    return (f"{number(unknown)} of them never said who they are",) if unknown else ()
