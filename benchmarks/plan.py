"""Writes the SQL that usertrack runs on the last demo to a file, for `by_hand.py` to run without usertrack.

`plan.py FILE segments` is that of `usertrack segments`, `plan.py FILE weekly` that of `usertrack report weekly`.
"""

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg.sql

from usertrack.core.table import Table
from usertrack.engine.connect import open_runner
from usertrack.library.query import Statement
from usertrack.library.sql import placeholders, statement_of

EVERYTHING = 1_000_000_000


class Recorder:
    """A DuckDB connection that records the statements that create tables."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.statements: list[tuple[str, tuple[Any, ...]]] = []

    def execute(self, sql: str, *values: Any) -> Any:
        if sql.startswith(("CREATE", "DELETE")):
            self.statements.append((sql, values))
        return self._connection.execute(sql, *values)

    def cursor(self) -> Any:
        return self._connection.cursor()


def write_plan(path: Path) -> None:
    """Run the profile queries of the demo once, and write every statement of every engine to ``path`` as JSON."""
    from usertrack.demo.sources import open_last_demo
    from usertrack.segments.applicable import applicable
    from usertrack.segments.classify import classify
    from usertrack.segments.profiles import Profiles
    from usertrack.segments.rules import read_rules
    from usertrack.workspace.demo_choice import cache_root
    from usertrack.workspace.files import library_of, rules_path
    from usertrack.workspace.settings import load_settings

    settings = load_settings(demo=True)
    rules = applicable(read_rules(rules_path(settings)), library_of(settings))
    now = datetime.now(UTC)
    demo = open_last_demo(cache_root(), now=now, notify=silent)
    with open_runner(settings, library_of(settings), now=now, notify=silent) as runner:
        statements = [runner.bind(name, params, internal=[]) for name, params in rules.queries.items()]
        answers = dict(zip(rules.queries, runner.run(statements), strict=True))
        profiles = Profiles(rules, runner.library, runner.as_of)
        profiles.connection = recorder = Recorder(profiles.connection)
        profiles.load(answers, runner.offered["internal"])
        people = classify(profiles, rules.set_named("action")).people()
        where = {name: path.parent / f"{number}.part" for number, name in enumerate(answers)}
        plan = {
            "postgres": {
                "data": str(demo.root / "postgres"),
                "database": "datagen",
                "queries": [(_copy(answers[s.name], s), str(where[s.name])) for s in statements if s.source == "neon"],
            },
            "duckdb": [(_moved(sql, answers, where), values) for sql, values in recorder.statements],
            "result": people.rows.scan(),
        }
    posthog = [statement for statement in statements if statement.source == "posthog"]
    plan["clickhouse"] = {
        "data": str(demo.store_path / "clickhouse"),
        "queries": [(sql, str(where[name])) for name, sql in _compiled(demo.store_path, posthog)],
    }
    path.write_text(json.dumps(plan, indent=1))


def write_weekly_plan(path: Path) -> None:
    """Make the weekly report of the demo once, and write every statement that it asks of both engines to ``path``."""
    from usertrack.core.period import parse_week
    from usertrack.demo.sources import open_last_demo
    from usertrack.reports.weekly import gather, moments
    from usertrack.segments.applicable import applicable
    from usertrack.segments.history.week_ago import WeekAgoQuery
    from usertrack.segments.rules import read_rules
    from usertrack.workspace.demo_choice import cache_root
    from usertrack.workspace.files import library_of, rules_path
    from usertrack.workspace.settings import load_settings

    settings = load_settings(demo=True)
    rules, now = applicable(read_rules(rules_path(settings)), library_of(settings)), datetime.now(UTC)
    demo = open_last_demo(cache_root(), now=now, notify=silent)
    runs: list[tuple[Statement, Any]] = []
    with open_runner(settings, library_of(settings), now=now, notify=silent) as runner:
        week = parse_week("", settings["timezone"], runner.as_of)
        as_of, earlier = moments(week, runner.as_of)
        sought = WeekAgoQuery(rules, rules.set_named("action"), as_of, earlier)
        _overhear(runner, runs)
        gather(runner, week, sought)
    where = [str(path.parent / f"{number}.part") for number in range(len(runs))]
    parts = [(statement, table, part) for (statement, table), part in zip(runs, where, strict=True)]
    posthog = [(statement, part) for statement, _, part in parts if statement.source == "posthog"]
    compiled = _compiled(demo.store_path, [statement for statement, _ in posthog])
    plan = {
        "postgres": {
            "data": str(demo.root / "postgres"),
            "database": "datagen",
            "queries": [
                (_copy(table, statement), part) for statement, table, part in parts if statement.source == "neon"
            ],
        },
        "clickhouse": {
            "data": str(demo.store_path / "clickhouse"),
            "queries": [(sql, part) for (_, sql), (_, part) in zip(compiled, posthog, strict=True)],
        },
        "duckdb": [],
        "result": "",
    }
    path.write_text(json.dumps(plan, indent=1))


def _overhear(runner: Any, runs: list[tuple[Statement, Any]]) -> None:
    """Record every statement of ``runner``, and of its copies at another moment, with its answer."""
    run = runner.run

    def overheard(statements: Any, done: Any = None) -> Any:
        answers = run(statements, done)
        runs.extend(zip(statements, answers, strict=True))
        return answers

    runner.run = overheard


def silent(message: str, *, passing: bool = False) -> None:
    pass


def _copy(table: Table, statement: Statement) -> str:
    """The COPY of one Postgres query, its parameters written as literals."""
    sql = statement_of(statement.sql, "neon")
    for name, start, end in reversed(placeholders(sql, "neon")):
        value = statement.values[name]
        literal = psycopg.sql.quote(value) + ("::text[]" if isinstance(value, list) else "")
        sql = sql[:start] + literal + sql[end:]
    inner = [f"c{number}" for number in range(len(table.columns))]
    expressions = [
        f"to_json({name})" if column.type.endswith("[]") else name
        for name, column in zip(inner, table.columns, strict=True)
    ]
    select = f"SELECT {', '.join(expressions)} FROM ({sql}\n) AS q({', '.join(inner)})"
    return f"COPY ({select}) TO STDOUT (FORMAT csv, NULL '\\N')"


def _compiled(store_path: Path, statements: list[Statement]) -> list[tuple[str, str]]:
    """Name and ClickHouse SQL of each HogQL query, as the embedded server compiles it."""
    from usertrack.server.database.execute import SETTINGS
    from usertrack.server.database.store import Store
    from usertrack.server.hogql import Context, PropertyDefinition, compile_hogql

    store = Store(store_path)
    rows = store.rows("SELECT type, name, property_type, scalar_string FROM posthog.property_definitions FINAL")
    context = Context(
        row_cap=EVERYTHING,
        definitions={(kind, name): PropertyDefinition(type_, bool(scalar)) for kind, name, type_, scalar in rows},
        modifiers={"personsOnEventsMode": "person_id_override_properties_joined"},
    )
    queries = []
    for statement in statements:
        values = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in statement.values.items()}
        compiled = compile_hogql(f"{statement.sql}\nLIMIT {EVERYTHING}", values=values, context=context)
        cells = ", ".join(f'"{key}" AS "{name}"' for key, name in zip(compiled.keys, compiled.columns, strict=True))
        settings = f"{SETTINGS}, output_format_parquet_string_as_string=1"
        queries.append((statement.name, f"SELECT {cells} FROM ({compiled.clickhouse}) SETTINGS {settings}"))
    store.close()
    return queries


def _moved(sql: str, answers: dict[str, Any], where: dict[str, Path]) -> str:
    """``sql`` with the files of that run replaced by those that the plan's queries write."""
    for name, answer in answers.items():
        for file in re.findall(r"read_(?:csv|parquet)\('([^']+)'", answer.rows.scan()):
            sql = sql.replace(file, str(where[name]))
    return sql


if __name__ == "__main__":
    {"segments": write_plan, "weekly": write_weekly_plan}[sys.argv[2]](Path(sys.argv[1]))
