"""The names that a SELECT can use: only its own, as HogQL has no correlated subqueries."""

from dataclasses import dataclass, field

from usertrack.server.hogql.errors import HogQLError, suggestion
from usertrack.server.hogql.parse import Node
from usertrack.server.hogql.relations import Chain, Relation, property_of
from usertrack.server.hogql.sql import Sql, Type, identifier


@dataclass
class SelectScope:
    """``filtering``: in WHERE or ON, ``exact``: in ON, ``raw``: properties stay text, ``aggregation``: around."""

    parent: "SelectScope | None" = None
    sources: list[Relation] = field(default_factory=list)
    aliases: dict[str, Type] = field(default_factory=dict)
    ctes: dict[str, Node] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)  # of the lambdas around
    filtering: bool = False
    exact: bool = False
    raw: bool = False
    aggregation: str = ""

    def cte(self, name: str) -> Node | None:
        if name in self.ctes:
            return self.ctes[name]
        return self.parent.cte(name) if self.parent else None

    def add(self, source: Relation) -> None:
        if source.name and any(source.name == other.name for other in self.sources):
            raise HogQLError(
                f'Already have joined a table called "{source.name}". Can\'t join another one with the same name.'
            )
        self.sources.append(source)

    def find(self, chain: Chain) -> Sql | None:
        """The field ``chain``: a lambda argument, table.field, an alias, or a field of the only table that has it."""
        name, rest = chain[0], chain[1:]
        if name in self.arguments and not rest:
            return Sql(identifier(str(name)))
        if rest and (named := [source for source in self.sources if source.name == name]):
            return named[0].get(rest, raw=self.raw)
        if name in self.aliases:
            value = Sql(identifier(str(name)), self.aliases[str(name)])
            return property_of(value, rest, self.sources[0].context) if rest and self.sources else value
        having = [source for source in self.sources if source.has(name)]
        if len(having) > 1:
            raise HogQLError(f"Ambiguous query. Found multiple sources for field: {name}")
        return having[0].get(chain, raw=self.raw) if having else None

    def unknown(self, chain: Chain) -> HogQLError:
        known = [name for source in self.sources for name in (source.name, *source.known()) if name]
        return HogQLError(
            f"Unable to resolve field: {chain[0]}"
            + suggestion(str(chain[0]), [*known, *self.aliases], ". Did you mean: {}?")
        )
