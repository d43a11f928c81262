"""The way from a table to the account behind its rows: foreign keys, and columns that are named like one."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from usertrack.mapping import rules
from usertrack.mapping.catalog import Catalog, DatabaseTable, TableColumn
from usertrack.mapping.matching import column_like, without_id

# A foreign key costs 1, and what may be wrong about it more. With 3, the builds and workflow runs of two schemas in
# tests/mapping lead to nobody; 4 to 12 give the same guesses.
_FARTHEST = 6.5
_WIDEST = 40  # columns of a table that links others; of a wider one, what it refers to is not what it is about
_OWNING = {"owner", "creator", "author"}


@dataclass(frozen=True)
class WayStep:
    """From a row of ``table`` to one of ``target``: ``column`` there equals ``target_column`` here.

    ``back``: the reference is in the target, which may have several rows for one. ``only`` is the condition, with
    ``{t}`` for the alias, of the rows whose ``column`` refers to the target: those of others refer to another table.
    """

    table: DatabaseTable
    column: TableColumn
    target: DatabaseTable
    target_column: TableColumn
    back: bool = False
    only: str = ""


@dataclass(frozen=True)
class Way:
    steps: tuple[WayStep, ...]
    cost: float

    @property
    def label(self) -> str:
        return " → ".join(
            f"{step.target.label}.{step.target_column.name}" if step.back else step.column.name for step in self.steps
        )


def _are_siblings(table: DatabaseTable, target: DatabaseTable) -> bool:
    """Whether both are of one part of the database, such as ``shop_order`` and ``shop_user``."""
    return len(table.words) > 1 and len(target.words) > 1 and table.words[0] == target.words[0]


class Ways:
    """References between the tables of ``catalog``, towards ``accounts``."""

    def __init__(self, catalog: Catalog, accounts: DatabaseTable) -> None:
        self._catalog = catalog
        self._accounts = accounts
        self._email = column_like(accounts, rules.patterns("email"), "text")
        self._names: dict[tuple[str, ...], list[DatabaseTable]] = {}
        for table in catalog.tables.values():
            for start in range(len(table.words)):
                self._names.setdefault(table.words[start:], []).append(table)

    def reference(self, table: DatabaseTable, column: TableColumn) -> tuple[DatabaseTable, TableColumn] | None:
        """Return the table and column that ``column`` refers to, by a foreign key or by its name."""
        if column.references:
            target = self._catalog.tables.get(column.references[0])
            known = target.by_name.get(column.references[1]) if target else None
            return (target, known) if target and known else None
        if column.name == table.primary or column.family not in ("number", "uuid", "text"):
            return None
        return self._by_name(table, column)

    def _by_name(self, table: DatabaseTable, column: TableColumn) -> tuple[DatabaseTable, TableColumn] | None:
        if column.words[-1:] == ("email",) and rules.weights("actors").keys() & set(column.words) and self._email:
            return (self._accounts, self._email) if table is not self._accounts else None
        name = without_id(column)
        if name and any(other.words == (*name, "type") for other in table.columns):
            return None  # it refers to several tables, and the type says to which
        is_actor = column.words[-1] == "by" or (name and name[-1] in rules.weights("actors"))
        name = name[1:] if name[:1] and name[0] in rules.words("qualifiers") else name
        name = name[name.index("by") + 1 :] if "by" in name[:-1] else name  # created_by_member_id: a member's
        targets = [target for target in self._names.get(name, ()) if target is not table] if name else []
        if is_actor and set(name[-1:]) <= {*self._accounts.words, *_OWNING}:
            targets = [self._accounts, *targets]
        targets.sort(
            key=lambda target: (
                not _are_siblings(table, target),
                target is not self._accounts,
                target.schema != table.schema,
                len(target.words),
            )
        )
        for target in targets:
            if (key := target.key) and column.family in (key.family, "text"):
                return target, key
        return None

    def to_accounts(self, table: DatabaseTable) -> Way | None:
        """The shortest way to an account; None where there is none."""
        order = count()
        heap: list[tuple[float, int, DatabaseTable, tuple[WayStep, ...]]] = [(0.0, next(order), table, ())]
        seen: set[int] = set()
        while heap:
            cost, _, here, steps = heapq.heappop(heap)
            if here is self._accounts and steps:
                return Way(steps, cost)
            if here.id in seen or cost > _FARTHEST:
                continue
            seen.add(here.id)
            for price, step in self._steps(here, is_first=not steps):
                if step.target.id not in seen or step.target is self._accounts:
                    heapq.heappush(heap, (cost + price, next(order), step.target, (*steps, step)))
        return None

    def _steps(self, here: DatabaseTable, *, is_first: bool) -> Iterator[tuple[float, WayStep]]:
        for column in here.columns:
            if (known := self.reference(here, column)) and known[0] is not here:
                yield self._price(here, column, known[0], is_first=is_first), WayStep(here, column, *known)
            elif is_first and (step := self._of_several(here, column)):
                yield 1 + self._price(here, column, step.target, is_first=True), step
        if not is_first:
            for link, column in self._links.get(here.id, ()):
                if known := self.reference(link, column):
                    yield (  # as much as two keys: one member of several is taken
                        2.0 if rules.words("membership") & set(link.words) else 3.0,
                        WayStep(here, known[1], link, column, back=True),
                    )

    def _of_several(self, table: DatabaseTable, column: TableColumn) -> WayStep | None:
        """The step from ``owner_id`` to accounts, where ``owner_type`` says to which table a row refers."""
        name, key = without_id(column), self._accounts.key
        kind = next((other for other in table.columns if other.words == (*name, "type")), None)
        is_actor = bool(name) and name[-1] in rules.weights("actors")
        if not (is_actor and kind and key and column.family in (key.family, "text")):
            return None
        only = f"{{t}}.{kind.sql} ~* '(^|\\W){self._accounts.words[-1]}s?$'"  # User, users, App\Models\User
        return WayStep(table, column, self._accounts, key, only=only)

    def _price(self, here: DatabaseTable, column: TableColumn, target: DatabaseTable, *, is_first: bool) -> float:
        price = 1.0 if column.references else 1.4  # two keys cost more than a name that sounds like one
        price += 0.5 if target.key and column.family != target.key.family else 0  # an id as text may hold anything
        # 2: a column that is NULL in most rows costs more than the further key of a detour that all rows can take.
        # 2.5: a NULL further on costs all rows of a project, and not one
        price += 0.0 if column.required else 0.4 + 2 * column.nulls if is_first else 2.5
        if rules.words("other_hands") & set(column.words):
            price += 3  # more than a way over two further tables to whose it is
        elif target is self._accounts:
            price += min(
                (rules.weights("actors")[word] for word in column.words if word in rules.weights("actors")), default=0.8
            )
        return price

    @cached_property
    def _links(self) -> dict[int, list[tuple[DatabaseTable, TableColumn]]]:
        """Tables that say who belongs to what, by what, with the column that refers to it."""
        links: dict[int, list[tuple[DatabaseTable, TableColumn]]] = {}
        for table in self._catalog.tables.values():
            if len(table.columns) > _WIDEST:
                continue
            targets = {column.name: known[0] for column in table.columns if (known := self.reference(table, column))}
            pairs = [pair for pair in table.unique if len(pair) == 2 and set(pair) <= set(targets)]
            if pairs or rules.words("membership") & set(table.words):
                for name, target in targets.items():
                    if target is not self._accounts and target is not table:
                        links.setdefault(target.id, []).append((table, table.by_name[name]))
        return links

    def references_to(self, target: DatabaseTable) -> Iterator[tuple[DatabaseTable, TableColumn, TableColumn]]:
        """Every table and column that refers to ``target``, and the column there."""
        for table in self._catalog.tables.values():
            for column in table.columns:
                known = self.reference(table, column)
                if known and known[0] is target and table is not target:
                    yield table, column, known[1]
