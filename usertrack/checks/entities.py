"""Checks of the entities: their files, and what Postgres makes of each of them alone.

A broken one is one finding, whatever reads it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from usertrack.checks.finding import Finding
from usertrack.core.errors import QueryError, UsageError, UsertrackError, did_you_mean
from usertrack.core.source_names import POSTGRES, TABLES
from usertrack.core.table import Table
from usertrack.core.words import number, plural
from usertrack.engine.runner import Answer, Runner
from usertrack.library.entities import ACCOUNTS, KINDS, OWN_EVENTS, UNKNOWN_ZONE, Entity, with_entities
from usertrack.library.functions import BEYOND_TABLES, refused_function
from usertrack.library.library import Library, Query, Statement, shipped_root
from usertrack.library.position import line_with
from usertrack.mapping.zones import doubt, newest_asked

Problems = dict[str, UsertrackError]
"""What is wrong with entities, by their names."""


def check_entity_files(library: Library) -> list[Finding]:
    """Each entity whose file is broken, each file that is none, and where the others are."""
    problems = broken_files(library)
    return [
        *(Finding("FAIL", f"entity {name}", error.message, error.hint) for name, error in problems.items()),
        *strange_files(library),
        *_unknown_zones(library, problems),
        *entity_places(library, problems),
    ]


def _unknown_zones(library: Library, problems: Problems) -> Iterator[Finding]:
    """A note for each entity that `init` found to have times without a timezone, which nobody has named since."""
    for name in library.entities.present:
        if name not in problems and (entity := library.entities[name]).timezone == UNKNOWN_ZONE:
            text = f"{entity.place}: its times have no timezone, and it is unknown which is meant: they are read as UTC"
            yield Finding("note", f"entity {name}", text, "write `timezone: Europe/Berlin`, or UTC, into its header")


def broken_files(library: Library) -> Problems:
    """The entities that cannot be read; the library then reads queries with a stand-in for each of them."""
    problems: Problems = {}
    for check in (_read, _read_with_others):
        for name in library.entities.with_files:
            try:
                if name not in problems:
                    check(library, name)
            except UsageError as error:
                problems[name] = error
                library.entities.stand_in(name)
    return problems


def _read(library: Library, name: str) -> None:
    entity = library.entities[name]
    if refused := refused_function(entity.written):
        start, why = refused
        raise UsageError(f"{entity.path}:{entity.line + entity.written[:start].count(chr(10))}: {why}", BEYOND_TABLES)


def _read_with_others(library: Library, name: str) -> None:
    with_entities(f"SELECT FROM {{{name}}}", library.entities)


def strange_files(library: Library) -> Iterator[Finding]:
    """Files of tables/neon that no query reads, since there is no such entity."""
    for name, path in library.entities.files.items():
        if name not in (*KINDS, OWN_EVENTS.name):
            hint = did_you_mean(name, KINDS, f"entities are {', '.join(KINDS)} and {OWN_EVENTS.name}")
            yield Finding("FAIL", f"entity {name}", f"{path}: there is no such entity, and no query reads it", hint)


def entity_places(library: Library, problems: Mapping[str, UsertrackError]) -> list[Finding]:
    """Which entities are the workspace's, which the shipped ones, and which none; without those with ``problems``."""
    entities = library.entities
    names = [name for name in entities.with_files if name not in problems]
    of = {
        "yours": [name for name in names if not is_shipped(entities.files[name])],
        "as shipped, of the demo": [name for name in names if is_shipped(entities.files[name])],
        "none": sorted(entities.absent),
    }
    text = " · ".join(f"{what}: {', '.join(columns)}" for what, columns in of.items() if columns)
    return [Finding("ok", "entities", text)] if text else []


def lacking_columns(library: Library, problems: Problems) -> Iterator[Finding]:
    """A note for each entity whose tables lack a column that its file names."""
    for name in library.entities.present:
        if name not in problems and (entity := library.entities[name]).lacking:
            gone = ", ".join(f"{column} ({written})" for column, written in entity.lacking.items())
            text = f"is read without {gone}: there is no such column, and it is empty"
            if entity.timeless:
                text += "; when it happened is unknown of who is in it"
            yield Finding(
                "note", f"entity {name}", text, f"name another column in {entity.place}, or leave it out there"
            )


def _goes_on(entity: Entity) -> bool:
    """Whether it is no mistake that the tables lack columns: a file of one's own names columns that there are."""
    needed = {column.name for column in entity.kind.columns if column.required and column.type != "time"}
    return bool(entity.lacking) and entity.shipped and needed.isdisjoint(entity.lacking)


def is_shipped(path: Path) -> bool:
    return path.is_relative_to(shipped_root() / "tables")


def sound_entities(library: Library, problems: Mapping[str, UsertrackError]) -> list[str]:
    """The entities that are here, have no problem, and read none that has one."""
    return [name for name in library.entities.with_files if problems.keys().isdisjoint(_reads(library, name))]


def _reads(library: Library, name: str) -> list[str]:
    """``name``, and the entities that it reads."""
    return [name, *library.entities_in(library.expanded(library.entities[name].sql, POSTGRES, ()))]


def refused_by_postgres(runner: Runner, names: Sequence[str]) -> Problems:
    """Ask Postgres about each of the entities ``names`` alone: tables, rights, columns, and their types.

    One that only reads a broken one is not broken itself.
    """
    entities = runner.library.entities
    answers = runner.run([_alone(runner, entities[name]) for name in names])
    problems: Problems = {}
    for name, answer in zip(names, answers, strict=True):
        problem = _of_types(entities[name], answer) if isinstance(answer, Table) else answer
        if isinstance(answer, Table | QueryError) and problem:
            problems[name] = problem
    _add_near_tables(runner, problems)
    problems |= _other_ids(runner, sound_entities(runner.library, problems) if problems else names)
    reads = {name: set(_reads(runner.library, name)) - {name} for name in problems}
    return {name: error for name, error in problems.items() if problems.keys().isdisjoint(reads[name])}


def _alone(runner: Runner, entity: Entity) -> Statement:
    """The SELECT of the entity's file for no rows, with the lines that it has there."""
    assert entity.path
    sql = runner.library.expanded(entity.sql if _goes_on(entity) else entity.written, POSTGRES, ())
    query = Query(
        entity.place,
        POSTGRES,
        sql,
        written=entity.written,
        path=entity.path,
        line=entity.line,
        shipped=entity.shipped,
    )
    return replace(query.bind({}, runner.offered), limit=0)


_NO_TABLE = re.compile(r'relation "([^"]+)" does not exist')
_TABLES = (
    "SELECT n.nspname || '.' || c.relname AS name, pg_table_is_visible(c.oid) AS visible FROM pg_class AS c "
    "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') "
    "AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1"
)
_MOST_TABLES = 5000  # names of which near ones are proposed
_OTHERWISE = "is this the right database, and the right schema?"


def _add_near_tables(runner: Runner, problems: Problems) -> None:
    """Name tables like those that ``problems`` miss."""
    missing = {name: match[1] for name, error in problems.items() if (match := _NO_TABLE.search(error.message))}
    if not missing:
        return
    answer = runner.run([_asking(runner, "names of tables", _TABLES, _MOST_TABLES)])[0]
    rows = [] if isinstance(answer, UsertrackError) else answer.rows
    names = [name.partition(".")[2] if visible else name for name, visible in rows]
    for name, table in missing.items():
        near = did_you_mean(table, names) or did_you_mean(table.rpartition(".")[2], names)
        problems[name].hint = " ".join(filter(None, [near, _OTHERWISE]))


_FITTING = {"number": {"BIGINT", "DOUBLE"}, "time": {"TIMESTAMP", "DATE"}, "flag": {"BOOLEAN"}}
_REMEDIES = {
    "number": "write {name}::numeric AS {name}, or leave it out",
    "time": "write …::timestamptz AS {name}, and of a number to_timestamp(…) AS {name}",
    "flag": "write … IS NOT NULL AS {name}, or a comparison",
}


def _of_types(entity: Entity, answer: Table) -> UsageError | None:
    """The first column that is not of its declared type."""
    types = {column.name: column.type for column in answer.columns}
    for column in entity.kind.columns:
        if column.name in types and types[column.name] not in _FITTING.get(column.type, {types[column.name]}):
            where = f"{entity.place}:{line_with(column.name, entity.written, entity.line)}"
            hint = _REMEDIES[column.type].format(name=column.name)
            return UsageError(f"{where}: '{column.name}' is no {column.type}: {column.about}", hint)
    return None


def _other_ids(runner: Runner, names: Sequence[str]) -> Problems:
    """The entities whose ``account_id`` PostgreSQL cannot compare to that of accounts."""
    entities = runner.library.entities
    if ACCOUNTS.name not in names:
        return {}
    names = [name for name in names if name != ACCOUNTS.name and "account_id" in entities[name].mapped]
    answers = runner.run([_asking(runner, f"accounts of {name}", _of(name, _JOIN), 0) for name in names])
    return {
        name: _other_id(entities[name], answer)
        for name, answer in zip(names, answers, strict=True)
        if isinstance(answer, QueryError)
    }


def _other_id(entity: Entity, error: QueryError) -> UsageError:
    where = f"{entity.place}:{line_with('account_id', entity.written, entity.line)}"
    text = f"'account_id' is of another type than in accounts: {error.message.partition(': ')[2]}"
    return UsageError(f"{where}: {text}", "cast it to the type that accounts have: …::bigint AS account_id")


_JOIN = "SELECT 1 AS one FROM {runs} AS r JOIN {accounts} AS a ON a.account_id = r.account_id"


def _of(name: str, sql: str) -> str:
    """``sql``, which asks runs, of another entity."""
    return sql.replace("{runs}", f"{{{name}}}")


def _asking(runner: Runner, name: str, sql: str, limit: int) -> Statement:
    query = Query(name, POSTGRES, runner.library.expanded(sql, POSTGRES, ()))
    return replace(query.bind({}, runner.offered), limit=limit, seconds=LOOK_SECONDS)


_SAMPLE = 100_000  # rows of an entity that are looked at
LOOK_SECONDS = 5.0  # for one look: `check --online` answers in seconds, whatever the size of a table
_DAYS = 30  # recent rows alone: words of states that are in use
_LONGEST = 30  # characters of a word
_MUCH = 0.5  # the share of rows in no state with which figures mean nothing
_NAMED = 5  # words that are named, of all that are in no list
_TWICE = (
    "SELECT count(*) FILTER (WHERE times > 1) AS ids, min(account_id::text) FILTER (WHERE times > 1) AS example, "
    "coalesce(sum(no_address), 0)::bigint AS no_address FROM ("
    "SELECT account_id, count(*) AS times, count(*) FILTER (WHERE no_address) AS no_address "
    f"FROM (SELECT a.account_id, a.no_address FROM {{accounts}} AS a LIMIT {_SAMPLE}) AS first "
    "GROUP BY account_id) AS ids"
)
_OWNED = (
    "SELECT count(*) AS total, count(a.account_id) AS owned "
    f"FROM (SELECT account_id FROM {{runs}} LIMIT {_SAMPLE}) AS r "
    "LEFT JOIN (SELECT DISTINCT account_id FROM {accounts}) AS a ON a.account_id = r.account_id"
)
_WORDS = (
    "SELECT status, outcome = 'unknown' AS unknown, count(*) AS times, sum(count(*)) OVER () AS total FROM ("
    "SELECT r.status, r.outcome FROM {runs} AS r WHERE r.at <= {as_of} AND "
    f"r.at > {{as_of}} - INTERVAL '{_DAYS} days' LIMIT {_SAMPLE}"
    ") AS recent GROUP BY status, outcome ORDER BY unknown DESC, times DESC, status"
)


def check_zones(runner: Runner, names: Sequence[str]) -> list[Finding]:
    """A note for each of the entities ``names`` whose times have no timezone, in a database that is not in UTC."""
    entities, library = runner.library.entities, runner.library
    asked = {
        name: statement
        for name in names
        if entities[name].timezone in ("", UNKNOWN_ZONE)
        and (sql := library.expanded(entities[name].sql, POSTGRES, ()))
        and (statement := newest_asked(entities[name].kind, sql, entities[name].mapped))
    }
    findings = []
    for name, answer in zip(asked, runner.run(list(asked.values())), strict=True):
        if known := doubt(answer):
            place = entities[name].place
            hint = f"write `timezone: {known.zone}` into the header of {place}, or `timezone: UTC` if they are of UTC"
            findings.append(Finding("note", f"entity {name}", f"{place}: {known.text}", hint))
    return findings


def check_rows(runner: Runner, names: Sequence[str]) -> list[Finding]:
    """Check a sample of rows of the entities ``names``: ids that come twice, words in no state, rows of nobody."""
    entities = runner.library.entities
    asked = [(name, _words, _of(name, _WORDS)) for name in names if entities[name].kind.states]
    if ACCOUNTS.name in names:
        others = [name for name in names if name != ACCOUNTS.name and "account_id" in entities[name].mapped]
        asked = [question for question in asked if question[0] != ACCOUNTS.name]
        asked += [(ACCOUNTS.name, _twice, _TWICE), *((name, _owned, _of(name, _OWNED)) for name in others)]
    asked += [(name, _backwards, sql) for name in names if (sql := _looking_back(entities[name]))]
    answers = runner.run([_asking(runner, f"rows of {name}", sql, 1000) for name, _, sql in asked])
    return list(
        dict.fromkeys(  # two questions about slow rows have one note
            finding
            for (name, judge, _), answer in zip(asked, answers, strict=True)
            for finding in judge(entities[name], answer)
        )
    )


def _owned(entity: Entity, answer: Answer) -> list[Finding]:
    if isinstance(answer, UsertrackError):
        return _not_looked_at(entity, answer)
    total, owned = answer.rows[0]
    if total - owned <= _MUCH * total:
        return []
    text = f"{entity.place}: {number(total - owned)} of {plural(total, 'row')} lead to no account, and count for nobody"
    hint = f"account_id is to be that of {TABLES}/accounts.sql"
    return [Finding("note" if owned else "FAIL", f"entity {entity.kind.name}", text, hint)]


def _twice(entity: Entity, answer: Answer) -> list[Finding]:
    if isinstance(answer, UsertrackError):
        return _not_looked_at(entity, answer)
    count, example, without = answer.rows[0]
    name = f"entity {entity.kind.name}"
    text = f"{plural(without, 'account has', 'accounts have')} an e-mail that is no address, and so none"
    strange = [Finding("note", name, text, "an e-mail is one address")] if without else []
    if not count:
        return strange
    text = f"{entity.place}: {plural(count, 'id')} more than once, such as {example}: a person would count twice"
    hint = "it is to yield one row per account; SELECT DISTINCT ON (…) takes one of several"
    return [Finding("FAIL", name, text, hint), *strange]


_BACKWARDS = {"duration_ms": "duration_ms < 0", "completed_at": "completed_at < at"}


def _looking_back(entity: Entity) -> str:
    """The SQL that counts rows that end before they begin, of the entity as it is written; empty where none can."""
    conditions = [condition for column, condition in _BACKWARDS.items() if column in entity.mapped]
    rows = f"SELECT * FROM ({entity.sql}) AS written LIMIT {_SAMPLE}"
    return f"SELECT count(*) FROM ({rows}) AS looked_at WHERE {' OR '.join(conditions)}" if conditions else ""


def _backwards(entity: Entity, answer: Answer) -> list[Finding]:
    if isinstance(answer, UsertrackError):
        return _not_looked_at(entity, answer)
    [[count]] = answer.rows
    if not count:
        return []
    text = (
        f"{entity.place}: {plural(count, 'row ends', 'rows end')} before they begin: how long these took is not known"
    )
    return [Finding("note", f"entity {entity.kind.name}", text, "no mean has them; look at what writes these times")]


def _words(entity: Entity, answer: Answer) -> list[Finding]:
    if isinstance(answer, UsertrackError):
        return _not_looked_at(entity, answer)
    unknown = [(status, times) for status, is_unknown, times, _ in answer.rows if is_unknown]
    if not unknown:
        return []
    total = int(answer.rows[0][3])
    share = sum(times for _, times in unknown) / total
    words = ", ".join(f"{_shortened(status)} ({number(times)})" for status, times in unknown[:_NAMED])
    more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
    text = f"{100 * share:.3g} % of {number(total)} rows of the last {_DAYS} days are in no state: {words}{more}"
    hint = f"add the words to `states` in {entity.place}; until then it is not known how these ended"
    # without states and words, the file says that nothing tells how a row ended
    is_said = not entity.states and not any(status for status, _ in unknown)
    return [Finding("FAIL" if share > _MUCH and not is_said else "note", f"entity {entity.kind.name}", text, hint)]


def _shortened(status: str | None) -> str:
    """A word, and not the whole text of a column that is no status."""
    return "empty" if not status else status if len(status) <= _LONGEST else f"{status[:_LONGEST]}…"


def _not_looked_at(entity: Entity, error: UsertrackError) -> list[Finding]:
    """A note for rows that took too long; other errors are told of the queries."""
    if error.code != "source_busy":
        return []
    text = f"its rows were not looked at: that takes more than {LOOK_SECONDS:.0f} s"
    return [Finding("note", f"entity {entity.kind.name}", text)]
