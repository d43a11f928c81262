"""A proposal: what an entity could be here, why, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from usertrack.library.entities import EntityColumn, EntityKind
from usertrack.mapping.catalog import DatabaseTable, TableColumn
from usertrack.mapping.select import Select

Labels = Mapping[tuple[int, str], tuple[str, ...]]
"""The values of small columns that were read: by the id of the table, and the name of the column."""


@dataclass(frozen=True)
class Organizations:
    """The table of organizations, and by each column that may be called its name, the SQL of an account's one."""

    table: DatabaseTable
    spellings: Mapping[TableColumn, str]


@dataclass
class Proposal:
    """The SELECT of an entity with its reasons; ``missing`` are required columns that were not to be had.

    ``status`` is the column whose words ``states`` sorts, of ``status_table``; ``unread`` are those
    whose words are not read yet. ``has_shared_plan``: the plan is an organization's, so that all its people pay.
    ``organizations`` are those of accounts, where they have a table. ``notes`` say what is left to a person, and
    ``lacking`` what it means that a column was not found. Times without a zone are of ``timezone``.
    ``same_as`` are events that tell of the same as its rows.
    """

    kind: EntityKind
    select: Select
    score: float
    reasons: list[str]
    status: TableColumn | None = None
    status_table: DatabaseTable | None = None
    unread: list[tuple[DatabaseTable, TableColumn]] = field(default_factory=list)
    has_shared_plan: bool = False
    states: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    lacking: dict[str, str] = field(default_factory=dict)
    confidence: str = "low"
    is_empty: bool = False
    timezone: str = ""
    same_as: tuple[str, ...] = ()
    organizations: Organizations | None = None

    @property
    def table(self) -> DatabaseTable:
        return self.select.table

    @property
    def missing(self) -> list[str]:
        return [column.name for column in self.not_found if column.required]

    @property
    def not_found(self) -> list[EntityColumn]:
        """The declared columns for which nothing was found."""
        names = {name for name, _ in self.select.columns}
        return [column for column in self.kind.columns if column.name not in names and not column.derived]

    @property
    def remarks(self) -> list[str]:
        """Return what is left to a person to decide, and what is lacking for now."""
        lacking = [self.lacking[column.name] for column in self.not_found if column.name in self.lacking]
        return [*self.notes, *lacking]

    @property
    def sql(self) -> str:
        return self.select.text()


def ranked(proposals: list[Proposal], *, sure: float, least: float, without: Sequence[str] = ()) -> list[Proposal]:
    """``proposals`` of at least ``least`` points, best first, each with how sure it is.

    They lack no required column but those in ``without``.
    """
    best = sorted(
        (proposal for proposal in proposals if proposal.score >= least and set(proposal.missing) <= set(without)),
        key=lambda proposal: -proposal.score,
    )
    for number, proposal in enumerate(best):
        ahead = proposal.score - (
            best[1].score if number == 0 and len(best) > 1 else best[0].score if number else least
        )
        proposal.confidence = (
            "high"
            if proposal.score >= sure and ahead >= 2
            else "medium"
            if proposal.score >= (sure + least) / 2
            else "low"
        )
    return best
