"""Profiles: the results of all profile queries joined into the DuckDB table `profile`, one row for each key.

Your own people are left out here, by e-mail; by any other key the queries leave them out.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from usertrack.core.emails import email_in
from usertrack.core.errors import NotConnected, Unknown, UsageError, UsertrackError, did_you_mean
from usertrack.core.source_names import POSTGRES
from usertrack.core.spool import connect, identifier, in_one_thread_if_few, quote
from usertrack.core.table import Row, Table
from usertrack.engine.own_people import own_rule
from usertrack.engine.runner import Answer, Done, Runner
from usertrack.engine.unavailable import NAMES
from usertrack.library.entities import ACCOUNTS, EMAIL
from usertrack.library.library import Library, Query, Statement, for_key
from usertrack.segments.expressions import base_columns, bracketed, columns, expand, parse
from usertrack.segments.keys import ORGANIZATION, a_key, key_words, subject_words
from usertrack.segments.match import Match, Sides, apart_note, match_of, match_sql, namesakes_note, repeated_note
from usertrack.segments.rules import Rules
from usertrack.segments.staging import duckdb_message, fact_sql, key_of, stage, stage_addresses
from usertrack.segments.undecided import Bounds, Unknowns

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class ProfileFact:
    """A column of `profile`. ``type`` is DuckDB's. ``missing``: why it is unknown in this run; ``of`` is SQL for whom.

    ``origin`` is the query that gave it. A ``current`` fact has the value of today, whatever the moment of the run. A
    ``count`` is 0 for whom its query does not list.
    """

    name: str
    label: str
    type: str
    unit: str = ""
    origin: str = "derived"
    missing: str = ""
    current: bool = False
    of: str = "false"
    count: bool = False


OR_NULL = "try_cast() gives NULL instead"  # where somebody's value cannot be taken
_OWN_NAMES = {
    *("key", "primary", "segments", "action", "priority", "because", "undecided", "open", "decided", "rank"),
    *("internal", "opted_out", "deleted"),
}


class Profiles:
    """A DuckDB connection with the table `profile` (one row per person, key and `as_of` first), and its facts.

    ``only`` limits it to one person; ``spellings`` are then those of the person's key, the normalised one first.
    ``past`` is `Runner.past`: some facts are then those of today. ``doubled`` says why figures may count twice,
    ``apart`` that the two sources have no key in common, ``namesakes`` that several organizations have one name.
    """

    def __init__(
        self,
        rules: Rules,
        library: Library,
        as_of: datetime,
        only: str | None = None,
        connection: "DuckDBPyConnection | None" = None,
    ) -> None:
        self.rules = rules
        self.only = only
        self.as_of = as_of
        self.connection = connection or connect()
        self.queries = {name: _profile_query(rules, library, name) for name in rules.queries}
        self._words, self._library = library.words, library
        self.derived = {derived.name: parse(derived.sql, f"{rules.path}:{derived.line}") for derived in rules.derived}
        self.facts: dict[str, ProfileFact] = {}
        self.match = Match()
        self.sides: Sides = {}
        self.notes: list[str] = []
        self.merged_keys: dict[str, int] = {}
        self.spellings: list[str] = []
        self.people = 0
        self.past = self.doubled = self.apart = self.namesakes = ""

    @property
    def key(self) -> str:
        return self.rules.key

    def load(self, answers: Mapping[str, Answer], internal: Sequence[str], opted_out: Sequence[str] = ()) -> None:
        """Build `profile` from the answers to the profile queries; raises UsageError for one that cannot be joined.

        Your own people, those who have opted out, and whose accounts were all deleted are counted, without a profile.
        """
        tables = {name: answer for name, answer in answers.items() if isinstance(answer, Table)}
        in_one_thread_if_few(self.connection, sum(len(table.rows) for table in tables.values()))
        reasons = {name: answer.message for name, answer in answers.items() if isinstance(answer, UsertrackError)}
        stage_addresses(self.connection, tables.values() if self.key == EMAIL else ())
        for number, (name, query) in enumerate(self.queries.items()):
            if name in tables:
                view, answer = f"q{number}", tables[name]
                staged = stage(self.connection, view, query, answer, self.key, self._library, self.only)
                self.spellings = list(dict.fromkeys([*self.spellings, *staged.spellings]))
                if staged.merged:
                    self.merged_keys[name] = staged.merged
        if self.merged_keys:
            self.notes.append(_of_one_key(self.merged_keys, self.key))
        self.doubled = next(filter(None, (repeated_note(self.connection, table) for table in tables.values())), "")
        self.namesakes = next(filter(None, (namesakes_note(self.connection, table) for table in tables.values())), "")
        for note in (self.doubled, self.namesakes):
            self.note(note)
        self._people(tables, internal, opted_out)
        self._join(tables, reasons)
        self.people = self.row("SELECT count(*) FROM profile")[0]
        self.sides = {
            query.source: (f"q{number}", identifier(query.people))
            for number, (name, query) in enumerate(self.queries.items())
            if query.people and name in tables
        }
        self.match = match_of(self.connection, self.sides, self.key)
        self.apart = apart_note(self.connection, self.sides, self.key, self.match)
        self.note(self.apart)

    @property
    def incomplete(self) -> bool:
        """Whether a fact is unknown as a query failed, or counts twice; what no table has will not be there later."""
        return bool(self.doubled) or any(fact.of == "true" for fact in self.facts.values())

    def declare(self) -> None:
        """Build an empty `profile` with the declared types, to check rules against."""
        stage_addresses(self.connection, ())
        self._people({}, [], [])
        self._join((), {})

    def note(self, text: str) -> None:
        """Add ``text`` to the notes, once; an empty one is none."""
        self.notes += [text] if text and text not in self.notes else []

    def row(self, sql: str, values: Sequence[object] = ()) -> Row:
        """Return the one row of a query that always has one, such as a count."""
        [row] = self.connection.execute(sql, list(values)).fetchall()
        return row

    def e_mails(self, people: Sequence[str]) -> tuple[str, ...]:
        """Return the keys ``people`` with all further addresses of them, by which PostHog may know them."""
        sql = "SELECT address FROM addresses WHERE key IN (SELECT unnest(?::VARCHAR[])) ORDER BY address"
        return (*people, *(address for (address,) in self.connection.execute(sql, [list(people)]).fetchall()))

    def missing(self, expression: exp.Expr) -> list[str]:
        """Why ``expression`` is unknown in this run: one reason for each query that it needs and that failed."""
        base = base_columns(expression, self.derived)
        return list(
            dict.fromkeys(self.facts[name].missing for name in base if name in self.facts and self.facts[name].missing)
        )

    def judged(self, expression: exp.Expr, *, met_or_not: bool = False) -> str:
        """SQL for whether a condition is met, in three-valued logic; ``met_or_not`` as in `Unknowns.judged`."""
        unknown = self.unknowns
        return unknown.judged(self._expanded(expression, unknown), met_or_not=met_or_not)

    def bounds(self, name: str) -> Bounds:
        """Return the bounds within which an unknown fact lies."""
        unknown = self.unknowns
        return unknown.bounds(self._expanded(exp.column(name), unknown))

    @property
    def unknowns(self) -> Unknowns:
        """The facts that are unknown in this run."""
        missing = [fact for fact in self.facts.values() if fact.missing]
        return Unknowns({fact.name: fact.of for fact in missing}, {fact.name for fact in missing if fact.count})

    def _expanded(self, expression: exp.Expr, unknown: Unknowns) -> exp.Expr:
        derived = {name: sql for name, sql in self.derived.items() if name in unknown.names}
        return expand(expression, derived) if unknown.in_(expression) else expression

    def _people(self, tables: Mapping[str, Table], internal: Sequence[str], opted_out: Sequence[str]) -> None:
        """Make the table `people`: everybody in any answer, their sources, and whether they are left out."""
        parts = [
            f"SELECT key, {quote(query.source)} AS source, "
            f"{f'{identifier(query.people)} = 0' if query.people else 'false'} AS gone FROM q{number}"
            for number, (name, query) in enumerate(self.queries.items())
            if name in tables
        ] or ["SELECT NULL::VARCHAR AS key, '' AS source, false AS gone LIMIT 0"]
        rules = [rule for rule in map(own_rule, internal) if rule]
        domains = [f"ends_with(key, {quote(mark + rule)})" for rule in rules if "@" not in rule for mark in "@."]
        own = " OR ".join(["list_contains(?::VARCHAR[], key)", *domains])
        names = f"SELECT {key_of('name', self.key)} FROM unnest(?::VARCHAR[]) AS listed(name)"
        opted = f"coalesce(key IN ({names}), false)"  # an id is no key where that is the e-mail
        self.connection.execute(
            f"CREATE TABLE people AS SELECT key, ({own}) AS internal, "
            f"NOT internal AND {opted} AS opted_out, NOT internal AND bool_or(gone) AS deleted, "
            f"bool_or(source = {quote(POSTGRES)}) AS in_postgres, "
            f"bool_or(source = 'posthog') AS in_posthog FROM ({' UNION ALL '.join(parts)}) "
            "WHERE key IS NOT NULL GROUP BY key",
            [rules, list(opted_out)],
        )

    def _join(self, staged: Collection[str], reasons: Mapping[str, str]) -> None:
        self.facts = {
            self.key: ProfileFact(self.key, self.key.replace("_", " "), "VARCHAR", origin="key"),
            "as_of": ProfileFact("as_of", "as of", "TIMESTAMP", origin="run"),
        }
        moment = quote(self.as_of.replace(tzinfo=None).isoformat())
        self.connection.execute(
            f"CREATE TABLE base AS SELECT key AS {identifier(self.key)}, TIMESTAMP {moment} AS as_of FROM people "
            "WHERE NOT (internal OR opted_out OR deleted)"
        )
        columns = ["base.*"]
        for number, (name, query) in enumerate(self.queries.items()):
            columns += self._columns(number, query, reasons.get(name, ""), has_answer=name in staged)
            if name in staged:
                # one query after the other: nine hash tables of a million people at once would take 3 GB
                self._widen(columns, f"LEFT JOIN q{number} ON q{number}.key = base.{identifier(self.key)}")
                columns = ["base.*"]
                if not query.people:
                    self.connection.execute(f"DROP TABLE q{number}")
        self._widen(columns)
        self._derive()

    def _columns(self, number: int, query: Query, missing: str, *, has_answer: bool) -> list[str]:
        """SQL for the facts of one query; adds them to ``facts``.

        What somebody did in a table without times is unknown of whom it lists. Of who is not in it, it is known.
        """
        columns, of = [], "true" if missing else "false"
        timeless = next((entity for entity in query.sources if has_answer and entity.timeless), None)
        if timeless and self.row(f"SELECT count(key) FROM q{number}")[0]:
            of = identifier(f"unknown q{number}")
            columns.append(f"q{number}.key IS NOT NULL AS {of}")
            missing = f"{timeless.kind.name} have no time: there is no column {timeless.lacking[timeless.timeless]}"
        for name, fact in query.facts.items():
            self._require_new_name(name, f"query '{query.name}'")
            kind = fact.profile_type
            value = fact_sql(f"q{number}", name, fact.default, kind) if has_answer else f"NULL::{kind}"
            if has_answer and (fact.lacking or missing):
                value = f"CASE WHEN q{number}.key IS NULL THEN {value} END"
            columns.append(f"{value} AS {identifier(name)}")
            is_count = fact.type == "int" and fact.default == 0
            self.facts[name] = ProfileFact(
                name, fact.label, kind, fact.unit, query.name, missing, fact.current, of, is_count
            )
        return columns

    def _widen(self, columns: Sequence[str], join: str = "") -> None:
        if len(columns) > 1:
            self.connection.execute(f"CREATE OR REPLACE TABLE base AS SELECT {', '.join(columns)} FROM base {join}")

    def _require_new_name(self, name: str, where: str) -> None:
        """Raise UsageError when another fact has this name, in any case: DuckDB ignores case in names."""
        existing = next((fact for fact in self.facts.values() if fact.name.lower() == name.lower()), None)
        if existing:
            raise UsageError(f"{where}: '{name}' is a fact of '{existing.origin}' already", "choose another name")
        if name.lower() in _OWN_NAMES or name.lower().startswith(("in ", "open ", "unknown ")):
            raise UsageError(f"{where}: '{name}' is a name of usertrack's own", "choose another name for the fact")

    def _derive(self) -> None:
        """Add the derived facts. One that needs an unknown fact is unknown, whatever its SQL makes of NULL."""
        import duckdb

        expressions = []
        kinds = self._kinds()
        for derived in self.rules.derived:
            where = f"{self.rules.path}:{derived.line}"
            self._require_new_name(derived.name, where)
            for name in columns(self.derived[derived.name]):
                if name not in self.facts:
                    raise UsageError(f"{where}: unknown fact '{name}'", did_you_mean(name, self.facts))
            reasons = self.missing(self.derived[derived.name])
            expressions.append(f"{bracketed(derived.sql)} AS {identifier(derived.name)}")
            kind = kinds.get(derived.name) or self._type_of(expressions, where, derived.sql)
            unknown_of = self.unknowns.flag(self.derived[derived.name])
            if reasons:
                known = f"CASE WHEN NOT ({unknown_of}) THEN {bracketed(derived.sql)} END"
                expressions[-1] = f"({known})::{kind} AS {identifier(derived.name)}"
            current = any(self.facts[name].current for name in columns(self.derived[derived.name]))
            self.facts[derived.name] = ProfileFact(
                derived.name,
                self._words(derived.label),
                kind,
                derived.unit,
                "derived",
                "; ".join(reasons),
                current,
                unknown_of,
            )
        try:
            self.connection.execute(f"CREATE TABLE profile AS SELECT {', '.join(['*', *expressions])} FROM base")
        except duckdb.Error as error:  # a value of somebody's that it cannot take
            raise self._derived_error(expressions, error) from error

    def _derived_error(self, expressions: Sequence[str], error: Exception) -> UsageError:
        """The error of the first derived fact that cannot be computed for somebody, with its line."""
        import duckdb

        for number, derived in enumerate(self.rules.derived, start=1):
            inner = f"SELECT {', '.join(['*', *expressions[:number]])} FROM base"
            try:
                self.connection.execute(f"SELECT max({identifier(derived.name)}) FROM ({inner})")
            except duckdb.Error as cause:
                where = f"{self.rules.path}:{derived.line}"
                return UsageError(f"{where}: {duckdb_message(cause)}", f"in `sql: {derived.sql}`; {OR_NULL}")
        return UsageError(f"{self.rules.path}: {duckdb_message(error)}", OR_NULL)

    def _kinds(self) -> dict[str, str]:
        """DuckDB's types of the derived facts, all in one question; none where one of them is wrong."""
        import duckdb

        expressions = [f"{bracketed(fact.sql)} AS {identifier(fact.name)}" for fact in self.rules.derived]
        try:
            described = self.connection.execute(f"DESCRIBE SELECT {', '.join(expressions) or 1} FROM base").fetchall()
        except duckdb.Error:
            return {}
        return {name: str(kind) for name, kind, *_ in described}

    def _type_of(self, expressions: Sequence[str], where: str, sql: str) -> str:
        import duckdb

        try:
            described = self.connection.execute(f"DESCRIBE SELECT {', '.join(expressions)} FROM base").fetchall()
        except duckdb.Error as error:
            raise UsageError(f"{where}: {duckdb_message(error)}: {sql}") from error
        return str(described[-1][1])

    @property
    def size_facts(self) -> list[str]:
        """The facts with the number of people behind a profile, where that is not one person."""
        sizes = [query.people for query in self.queries.values() if query.source == POSTGRES and query.people]
        return [name for name in sizes if name in self.facts and self.key == ORGANIZATION]

    def match_sql(self) -> str:
        """SQL for how each profile matches, as in `usertrack.segments.match`."""
        return match_sql(self.sides, self.key)


def _profile_query(rules: Rules, library: Library, name: str) -> Query:
    where = f"{rules.path}:{rules.lines.get(name, 1)}"
    try:
        query = library[name]
    except UsageError as error:
        # what is wrong inside a query file is said with its own line already
        raise UsageError(error.message if name in library.files else f"{where}: {error.message}", error.hint) from error
    if query.key != rules.key:
        raise UsageError(
            f"{where}: query '{name}' has the key '{query.key}', profiles are joined on '{rules.key}'",
            f"declare `-- key: {rules.key}` in it",
        )
    if not query.facts:
        raise UsageError(f"{where}: query '{name}' declares no facts", "add `-- facts:` to its header")
    for param, value in rules.queries[name].items():
        if param not in query.params:
            raise UsageError(
                f"{where}: query '{name}' has no parameter '{param}'",
                did_you_mean(param, query.params, f"it takes {', '.join(query.params) or 'none'}"),
            )
        query.params[param].check(value, where)
    return query


def _of_one_key(merged_keys: Mapping[str, int], key: str) -> str:
    where = ", ".join(f"{name} {count}" for name, count in merged_keys.items())
    differences = "blanks or case, or are of one account," if key == EMAIL else "blanks"
    subject = subject_words(key).lower()
    return (
        f"{key_words(key)}s that differ only in {differences} are one {subject}, "
        f"though their source has several ({where}): "
        "counts are added, times are the first or last; all else is that of the spelling used last"
    )


def build_profiles(
    runner: Runner, rules: Rules, done: Done | None = None, only: str | None = None, *, last: bool = False
) -> Profiles:
    """Run the profile queries at once and join them, for everybody or for the one person ``only``.

    ``last``: the runner gets no queries after these. Raises a UsertrackError when no source answered, or when a result
    cannot be joined.
    """
    answers = runner.run(profile_statements(runner, rules, only), done)
    if last:
        runner.finish()
    return join_profiles(runner, rules, answers, only)


def profile_statements(runner: Runner, rules: Rules, only: str | None = None) -> list[Statement]:
    """The profile queries of ``rules``, in their order."""
    # by e-mail, your own people come too: they are left out here, once, and counted
    own: dict[str, Any] = {"internal": []} if rules.key == EMAIL else {}
    statements = [runner.bind(name, params, **own) for name, params in rules.queries.items()]
    several = rules.key == EMAIL and "emails" in runner.library.entities[ACCOUNTS.name].mapped  # whose is it?
    return statements if only is None or several else [for_key(statement, only) for statement in statements]


def join_profiles(runner: Runner, rules: Rules, profile_answers: Sequence[Answer], only: str | None = None) -> Profiles:
    """The profiles from the answers to `profile_statements`; raises as `build_profiles` does."""
    profiles = Profiles(rules, runner.library, runner.as_of, only)
    answers: Mapping[str, Answer] = dict(zip(rules.queries, profile_answers, strict=True))
    if rules.by:
        answers = _of_named(profiles, answers)
    failures = [answer for answer in answers.values() if isinstance(answer, UsertrackError)]
    if len(failures) == len(answers):  # a failure says more than a source that is not configured
        raise next((failure for failure in failures if not isinstance(failure, NotConnected)), failures[0])
    for name, answer in answers.items():
        if isinstance(answer, Table) and answer.truncated:
            raise UsageError(
                f"query '{name}' was cut, and nobody may be classified on a cut table",
                "give it a `key:` so that it can be paged",
            )
    own = [*runner.offered["internal"], *filter(email_in, runner.opted_out.own.beyond)] if rules.key == EMAIL else []
    profiles.load(answers, own, runner.opted_out.names)
    messages = {answer.message for answer in answers.values() if isinstance(answer, UsertrackError)}
    profiles.notes += runner.opted_out.notes(messages)
    for name, answer in answers.items():
        if isinstance(answer, UsertrackError):
            source = NAMES[profiles.queries[name].source]
            text = answer.message if source in answer.message else f"{source}: {answer.message}"
            profiles.notes += [text] if text not in profiles.notes else []
    for entity in {
        entity.kind.name: entity for query in profiles.queries.values() for entity in query.sources
    }.values():
        if gone := [name for name in entity.gone() if name != entity.timeless]:
            profiles.note(f"{entity.kind.name} are read without {', '.join(gone)}: their table has no such column")
    asked = {query.source for query in profiles.queries.values()}
    away = [name for source, name in NAMES.items() if source not in asked and not runner.has(source)]
    profiles.notes += [f"{name} is not connected: people and rules rest on the other source alone" for name in away]
    if only is None:
        profiles.notes += _empty_sources(profiles, answers)
        match = profiles.match
        if rules.key == EMAIL and not profiles.row("SELECT count(*) FROM people")[0]:
            profiles.note(_NO_EMAILS if match.anonymous or match.without_email else "")
    if runner.past:
        profiles.past = runner.past
        profiles.notes.append(_of_today(profiles, runner.past))
    return profiles


def _of_named(profiles: Profiles, answers: Mapping[str, Answer]) -> Mapping[str, Answer]:
    """``answers``, without those of PostHog where its events name no organization: nobody knows what they did there."""
    for name, answer in answers.items():
        query = profiles.queries[name]
        if query.source == "posthog" and query.people and isinstance(answer, Table):
            key = answer.names.index(query.key)
            if all(row[key] is None for row in answer.rows):
                nobody = Unknown(f"no event of PostHog names {a_key(query.key)}: {_WHERE_NAMED}")
                sources = {query: profiles.queries[query].source for query in answers}
                return {query: nobody if sources[query] == "posthog" else answers[query] for query in answers}
    return answers


_WHERE_NAMED = "queries/fragments/posthog/organization.sql says where, and NULL there that they never do"


def _empty_sources(profiles: Profiles, answers: Mapping[str, Answer]) -> list[str]:
    """A note for each source that answered and knows nobody."""
    rows: dict[str, int] = {}
    for name, answer in answers.items():
        source = profiles.queries[name].source
        rows[source] = rows.get(source, 0) + (len(answer.rows) if isinstance(answer, Table) else 1)
    return [f"{_EMPTY[source]} (`usertrack doctor`)" for source, count in rows.items() if not count]


_NO_EMAILS = (
    "nobody has an e-mail: under `profile:` in segments.yaml, `key: person_id` makes profiles of PostHog's persons, "
    "and `key: account_id` of the ids of your accounts"
)
_EMPTY = {
    "posthog": "PostHog has no events up to then: is this the right project?",
    POSTGRES: "Postgres has no accounts up to then: is this the right database?",
}


def _of_today(profiles: Profiles, past: str) -> str:
    """A note on the facts that are those of today, because the sources do not record their past."""
    labels = [fact.label for fact in profiles.facts.values() if fact.current and fact.origin != "derived"]
    people = "people are those whom the sources know today, under the e-mails of today"
    return f"{past}: {', '.join(labels)} are as they stand today; {people}" if labels else f"{past}: {people}"
