"""The target `csv`: a file that a CRM imports, one row per person, under plain column names."""

from usertrack.core.notify import Notify
from usertrack.core.table import Column, Table
from usertrack.engine.runner import Runner
from usertrack.library.entities import EMAIL
from usertrack.push.audience import PushAudience
from usertrack.push.order import PushOrder, PushOutcome

_COLUMNS = (Column("segment"), Column("priority", "DOUBLE"), Column("reason"), Column("evidence"))


def check(order: PushOrder) -> None:
    """Every order is right for a file."""


def push(audience: PushAudience, order: PushOrder, runner: Runner, notify: Notify) -> PushOutcome:
    """A table of key and email (mostly one), segment, priority (0…10), reason, evidence.

    A file, with the header alone, is written for an empty segment too, so that it replaces the file of last week.
    """
    name = audience.segment.name
    rows = [
        (*audience.names(person).values(), name, person.priority, person.reason, person.evidence)
        for person in audience.people
    ]
    names = dict.fromkeys([audience.key, EMAIL])
    table = Table(
        (*map(Column, names), *_COLUMNS),
        rows,
        name=f"push {audience.segment.id}",
        as_of=audience.as_of,
        timezone=audience.timezone,
        notes=audience.notes,
    )
    return PushOutcome(sent=len(rows), table=table)
