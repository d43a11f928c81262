"""Which people of a segment a page or a file shows, and in which order: what the address bar says, as SQL."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.period import span
from usertrack.core.spool import identifier, quote
from usertrack.core.table import Column, Table
from usertrack.library.entities import EMAIL
from usertrack.push.audience import AudienceFilter
from usertrack.segments.classify import OWN_COLUMNS, Classification
from usertrack.segments.expressions import bracketed, columns, parse, to_sql
from usertrack.segments.profiles import ProfileFact, Profiles
from usertrack.segments.staging import duckdb_message
from usertrack.web.links import query_string
from usertrack.web.paging import PAGE, page_number
from usertrack.web.population import Population, patience

OPERATORS = {
    "is": "is",
    "not": "is not",
    "least": "at least",
    "most": "at most",
    "has": "contains",
    "known": "is known",
    "unknown": "is not known",
}
"""How a fact is compared: by its word in the address, and in words."""

_SIGNS = {"is": "=", "not": "<>", "least": ">=", "most": "<="}
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True)
class Comparison:
    """A fact, one of `OPERATORS`, and the value as it was typed."""

    fact: str
    operator: str
    value: str


@dataclass(frozen=True)
class PeopleQuestion:
    """``where`` is a condition over facts, as in segments.yaml. ``sort`` is a column; with ``-`` before it, downwards.

    Without ``everyone``, it is about those whose primary segment it is. The first ``page`` is 1.
    """

    search: str = ""
    comparisons: tuple[Comparison, ...] = ()
    where: str = ""
    sort: str = ""
    page: int = 1
    everyone: bool = False

    @classmethod
    def of(cls, items: Sequence[tuple[str, str]]) -> "PeopleQuestion":
        """The question in the query string of an address. Raises UsageError."""
        items = [(name, value.replace("\0", "")) for name, value in items]  # which DuckDB takes for an end
        first = dict(reversed(items))
        lists = {name: [value for key, value in items if key == name] for name in ("fact", "op", "value")}
        if len({len(values) for values in lists.values()}) > 1:
            raise UsageError("a filter has a fact, an op and a value", "write all three, also where one is empty")
        return cls(
            first.get("q", "").strip(),
            tuple(Comparison(*parts) for parts in zip(*lists.values(), strict=True) if parts[0]),
            first.get("where", "").strip(),
            first.get("sort", ""),
            page_number(first.get("page") or "1"),
            first.get("members") == "all",
        )

    def words(self, labels: Mapping[str, str]) -> str:
        """The filter as people say it, with the ``labels`` of facts; "" without one."""
        parts = [f"name or e-mail contains '{self.search}'"] if self.search else []
        for comparison in self.comparisons:
            value = "" if comparison.operator in ("known", "unknown") else comparison.value.strip()
            operator = OPERATORS.get(comparison.operator, comparison.operator)
            parts.append(f"{labels.get(comparison.fact, comparison.fact)} {operator} {value}".rstrip())
        return ", ".join([*parts, *([self.where] if self.where else [])])

    def address(self, **changes: object) -> str:
        """The query string of this question, with ``changes``; it begins on the first page unless they say."""
        values = vars(self) | {"page": 1} | changes
        pairs = [("q", values["search"]), ("members", "all" if values["everyone"] else "")]
        for comparison in values["comparisons"]:
            pairs += [("fact", comparison.fact), ("op", comparison.operator), ("value", comparison.value)]
        pairs += [("where", values["where"]), ("sort", values["sort"])]
        pairs += [("page", str(values["page"]) if values["page"] > 1 else "")]
        return query_string(pairs)


@dataclass(frozen=True)
class PeoplePage:
    """The rows of a page as dicts. ``total`` counts all that the question is about, ``members`` who is in at all."""

    rows: tuple[dict[str, Any], ...]
    total: int
    members: int
    facts: tuple[ProfileFact, ...]


def page_of(population: Population, set_name: str, id_: str, question: PeopleQuestion, timezone: str) -> PeoplePage:
    """One page of the people of a segment. Raises UsageError for what cannot be asked, Unknown where a source lacks."""
    with population.classification(set_name) as classification:
        classification.require_known(id_, to_act_on=not question.everyone)
        profiles = classification.profiles
        scan = _scan(classification, population.divisions[set_name].schema, id_, question, timezone)
        # the facts beside a person: of the rule, of the filters and of the order
        beside = [*classification.evidence([id_])[:5], *(comparison.fact for comparison in question.comparisons)]
        beside += [name for name in [question.sort.removeprefix("-")] if name in profiles.facts]
        beside += columns(_expression(question.where)) if question.where else []
        shown = [name for name in dict.fromkeys(beside) if name not in (profiles.key, "as_of", "name")]
        names = [profiles.key, *OWN_COLUMNS, *(["name"] if "name" in profiles.facts else []), *shown]
        selected = ", ".join(identifier(name) for name in dict.fromkeys(names))
        skip = (question.page - 1) * PAGE
        with _errors(profiles, question):
            total = profiles.row(f"SELECT count(*) FROM {scan}")[0]
            cursor = profiles.connection.execute(f"SELECT {selected} FROM {scan} LIMIT {PAGE} OFFSET {skip}")
            titles = [column[0] for column in cursor.description]
            rows = tuple(dict(zip(titles, row, strict=True)) for row in cursor.fetchall())
        members = classification.count(id_)
        known = members.people if question.everyone else members.to_act_on
        facts = tuple(profiles.facts[name] for name in shown)
        return PeoplePage(rows, total, known or 0, facts)


def table_of(population: Population, set_name: str, id_: str, question: PeopleQuestion, timezone: str) -> Table:
    """Everybody whom the question is about, with all facts, for files."""
    with population.classification(set_name) as classification:
        classification.require_known(id_, to_act_on=not question.everyone)
        profiles = classification.profiles
        scan = _scan(classification, population.divisions[set_name].schema, id_, question, timezone)
        facts = [name for name in profiles.facts if name not in (profiles.key, "as_of")]
        names = ", ".join(map(identifier, (profiles.key, *OWN_COLUMNS, *facts)))
        scan = f"(SELECT {names} FROM {scan})"
        with _errors(profiles, question):
            described = profiles.connection.execute(f"DESCRIBE FROM {scan}").fetchall()
            return population.table(id_, scan, [Column(name, kind) for name, kind, *_ in described])


def audience_filter(question: PeopleQuestion, labels: Mapping[str, str], timezone: str) -> AudienceFilter | None:
    """Return the question's filter for a push; None for a question without one."""
    words = question.words(labels)

    def condition(profiles: Profiles) -> str:
        sql = " AND ".join(_conditions(profiles, question, timezone))
        with _errors(profiles, question):  # what fails for somebody's value fails here
            profiles.connection.execute(f"SELECT count(*) FROM profile WHERE {sql}")
        return sql

    return AudienceFilter(words, condition) if words else None


@contextmanager
def _errors(profiles: Profiles, question: PeopleQuestion) -> Iterator[None]:
    """Turn what DuckDB refuses into an error about the question; what takes too long is given up."""
    import duckdb

    try:
        with patience(profiles.connection):
            yield
    except duckdb.InterruptException as error:
        raise UsageError("this took too long, and was given up", "ask for less") from error
    except duckdb.Error as error:
        raise UsageError(duckdb_message(error), f"in `{question.where}`" if question.where else "") from error


def _scan(classification: Classification, schema: str, id_: str, question: PeopleQuestion, timezone: str) -> str:
    profiles = classification.profiles
    ids = f"[{quote(id_)}]"
    member = f"list_has_any(segments, {ids})" if question.everyone else f'"primary" = {quote(id_)} AND decided'
    conditions = [member, *_conditions(profiles, question, timezone)]
    return (
        f"(SELECT *, because[list_position(segments, {quote(id_)})] AS why FROM {schema}.classified "
        f"WHERE {' AND '.join(conditions)} ORDER BY {_order(profiles, question.sort)})"
    )


def _order(profiles: Profiles, sort: str) -> str:
    key = identifier(profiles.key)
    if not sort:
        return f"priority DESC NULLS LAST, rank, {key}"
    name, way = sort.removeprefix("-"), "DESC" if sort.startswith("-") else "ASC"
    known = [*profiles.facts, "priority", "why"]
    if name not in known:
        raise UsageError(f"there is no column '{name}' to sort by", did_you_mean(name, known))
    return f"{identifier(name)} {way} NULLS LAST, {key}"


def _conditions(profiles: Profiles, question: PeopleQuestion, timezone: str) -> Iterator[str]:
    if question.search:
        names = [name for name in dict.fromkeys((profiles.key, EMAIL, "name")) if name in profiles.facts]
        text = quote(question.search)
        yield "(" + " OR ".join(f"contains(lower({identifier(name)}), lower({text}))" for name in names) + ")"
    for comparison in question.comparisons:
        yield _comparison(profiles, comparison, timezone)
    if question.where:
        expression = _expression(question.where)
        for name in columns(expression):
            _fact(profiles, name)
        yield bracketed(to_sql(expression))


def _expression(where: str) -> Any:  # noqa: ANN401
    return parse(where, "the filter")


def _fact(profiles: Profiles, name: str) -> ProfileFact:
    if name not in profiles.facts:
        raise UsageError(f"there is no fact '{name}'", did_you_mean(name, profiles.facts))
    return profiles.facts[name]


def _comparison(profiles: Profiles, comparison: Comparison, timezone: str) -> str:
    fact, column = _fact(profiles, comparison.fact), identifier(comparison.fact)
    if comparison.operator not in OPERATORS:
        raise UsageError(f"there is no comparison '{comparison.operator}'", f"there are {', '.join(OPERATORS)}")
    if comparison.operator in ("known", "unknown"):
        return f"{column} IS {'NOT ' * (comparison.operator == 'known')}NULL"
    if comparison.operator == "has":
        return f"contains(lower(CAST({column} AS VARCHAR)), lower({quote(comparison.value)}))"
    if fact.type == "TIMESTAMP":
        first, last = (_moment(moment) for moment in span(comparison.value.strip(), timezone))
        is_then = f"{column} BETWEEN {first} AND {last}"
        return {"is": is_then, "not": f"NOT {is_then}", "least": f"{column} >= {first}", "most": f"{column} <= {last}"}[
            comparison.operator
        ]
    return f"{column} {_SIGNS[comparison.operator]} {_literal(fact, comparison.value)}"


def _moment(moment: datetime) -> str:
    return f"TIMESTAMP {quote(moment.replace(tzinfo=None).isoformat())}"


def _literal(fact: ProfileFact, text: str) -> str:
    """``text`` as a SQL value of the fact's type; raises UsageError."""
    typed = text.strip()
    if fact.type == "VARCHAR":
        return quote(typed)
    if fact.type == "BOOLEAN":
        if typed.lower() not in (*_YES, *_NO):
            raise UsageError(f"{fact.label} is yes or no, not '{typed}'")
        return str(typed.lower() in _YES)
    number = typed.removesuffix("%").replace(" ", "").replace(" ", "")
    try:
        value = float(number) / (100 if typed.endswith("%") else 1)
        if not isfinite(value):
            raise ValueError
    except ValueError as error:
        hint = "write 40 %, or 0.4" if fact.unit == "percent" else "write a number, such as 5 or 0.5"
        raise UsageError(f"{fact.label} is a number, not '{typed}'", hint) from error
    return repr(value)
