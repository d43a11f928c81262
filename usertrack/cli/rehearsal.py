"""What every command does before it asks anything, done once by the warm process, so that its forks need not.

What is made of a text, such as its tokens, is remembered for that text: a file that has changed is another one.
"""

import importlib
from contextlib import suppress

from usertrack.core.errors import UsertrackError

_MODULES = (
    "usertrack.cli.app",
    "usertrack.cli.session",
    "usertrack.demo.sources",
    "usertrack.engine.connect",
    "usertrack.product.funnel.view",
    "usertrack.product.journeys.view",
    "usertrack.product.retention.view",
    "usertrack.render.data",
    "usertrack.render.pages",
    "usertrack.render.terminal",
    "usertrack.reports.activity_view",
    "usertrack.reports.dossier_view",
    "usertrack.reports.weekly_view",
    "usertrack.segments.explain_view",
    "usertrack.segments.history.notes",
    "usertrack.segments.history.transitions",
    "usertrack.segments.view",
    "usertrack.sources.posthog",
    "usertrack.sources.postgres",
    "anyio._backends._asyncio",
    "duckdb",
    "fasteners",
    "httpcore",
    "httpx",
    "platformdirs",
    "psutil",
    "psycopg",
    "rich.console",
    "sqlglot",
)


def rehearse() -> None:
    """Import what commands import, and read the shipped queries and rules. Opens nothing, and starts no thread."""
    for name in _MODULES:
        with suppress(ImportError):
            importlib.import_module(name)
    with suppress(UsertrackError):  # a command has the error, too
        _read_shipped_files()


def _read_shipped_files() -> None:
    from usertrack.library.library import Library, Statement, for_key, shipped_root, statement_of
    from usertrack.segments.applicable import applicable
    from usertrack.segments.classify import rule_location
    from usertrack.segments.expressions import parse
    from usertrack.segments.rules import read_rules

    library = Library([shipped_root() / "queries"])
    for name in library:
        library[name]
    rules = applicable(read_rules(shipped_root() / "segments.yaml"), library)
    for query in map(library.__getitem__, rules.queries):
        of_one = for_key(Statement(query.source, query.sql, key=query.key), "")
        statement_of(of_one.sql, query.source)
    for each in rules.derived:
        parse(each.sql, f"{rules.path}:{each.line}")
    for segment in (segment for each in rules.sets.values() for segment in each.segments):
        for part in ("when", "priority"):
            parse(getattr(segment, part), rule_location(rules, segment, part))
