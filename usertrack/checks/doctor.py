"""What stands between this workspace and an answer: settings, connections, scopes, tables, columns and events."""

import re
from collections.abc import Collection
from pathlib import Path

from usertrack.checks.schema import check_tables
from usertrack.checks.workspace import Finding, check_queries, check_queries_online, check_rules
from usertrack.core.errors import UsertrackError
from usertrack.core.table import Table
from usertrack.core.words import number
from usertrack.engine.runner import Runner
from usertrack.engine.unavailable import NAMES
from usertrack.insights.saved import favourites, list_insights
from usertrack.library.library import SOURCES, Statement
from usertrack.sources.http import LacksScope
from usertrack.sources.posthog import NO_PROJECT_READ
from usertrack.workspace.settings import SETTINGS, Settings

_EVENTS = ("mcp_connect_clicked", "$rageclick", "$exception", "$pageview")


def check_settings(settings: Settings) -> list[Finding]:
    """Every setting with its value (never a secret's) and where it came from."""
    workspace = Finding("ok", "workspace", str(settings.root or "none; `usertrack init` makes one"))
    sources = Finding("ok", "sources", "the demo" if settings.uses_demo else "your own")
    return [workspace, sources, *(Finding("ok", name, _shown(settings, name)) for name in SETTINGS)]


def _shown(settings: Settings, name: str) -> str:
    value = settings[name]
    if value is None:
        return f"not set ({SETTINGS[name].env})"
    text = ", ".join(value) if isinstance(value, list) else settings.displayed(name)
    return f"{_CREDENTIALS.sub('//…@', text)} ({settings.values[name].origin})"


_CREDENTIALS = re.compile(r"//[^/@]*@")  # in an address


def check_sources(runner: Runner) -> list[Finding]:
    """Both connections: who answers, and how long that takes."""
    posthog = Statement(
        "posthog",
        "SELECT count() AS events, max(timestamp) AS last FROM events WHERE timestamp <= toDateTime({as_of})",
        {"as_of": runner.as_of},
        {"as_of": "timestamp"},
        name="PostHog",
        limit=1,
    )
    postgres = Statement(
        "neon",
        "SELECT split_part(version(), ' ', 2) AS version, current_database() AS database, current_user AS role, "
        "has_database_privilege(current_database(), 'CREATE') AS may_write",
        name="Postgres",
        limit=1,
    )
    heard, told = runner.run([posthog, postgres])
    return [
        *([_failed("PostHog", heard)] if isinstance(heard, UsertrackError) else [_posthog(heard), _scopes(heard)]),
        *([_failed("Postgres", told)] if isinstance(told, UsertrackError) else _postgres(told)),
    ]


def check_insights(runner: Runner) -> list[Finding]:
    """Whether the key may read the workspace's favourite insights, and whether they are there."""
    wanted = runner.settings["insights"]
    if not wanted:
        return []
    try:
        known = list_insights(runner)
    except LacksScope as error:
        return [Finding("FAIL", "PostHog scopes", error.message, error.hint)]
    except UsertrackError:
        return []  # the connection itself is told above
    missing = [item for item in wanted if not favourites(known, [item])]
    if missing:
        text = f"{', '.join(missing)}: no saved insight in this project"
        return [Finding("note", "insights", text, "`usertrack insight list` shows those there are")]
    return [Finding("ok", "insights", f"insight:read, {len(wanted)} favourites")]


def _failed(name: str, error: UsertrackError) -> Finding:
    return Finding("FAIL", name, error.message.removeprefix(f"{name}: "), error.hint)


def _posthog(answer: Table) -> Finding:
    events, last = answer.rows[0]
    facts = f"timezone {answer.timezone}, {_ms(answer.elapsed)} away"
    if not events:
        return Finding(
            "FAIL", "PostHog", f"{_EMPTY}, {facts}", "is this the right project? does your site send events?"
        )
    return Finding("ok", "PostHog", f"{number(events)} events, the last at {last:%Y-%m-%d %H:%M} UTC, {facts}")


def _scopes(answer: Table) -> Finding:
    """What the key may do: it has just asked a query, and asked about the project."""
    if NO_PROJECT_READ in answer.notes:
        add = "add it in PostHog under Settings, Personal API keys"
        return Finding("note", "PostHog scopes", f"query:read; {NO_PROJECT_READ}", add)
    return Finding("ok", "PostHog scopes", "query:read, project:read")


_EMPTY = "no events at all"


def _postgres(answer: Table) -> list[Finding]:
    version, database, role, may_write = answer.rows[0]
    text = f"{version}, database {database}, role {role}, session read-only, {_ms(answer.elapsed)} away"
    findings = [Finding("ok", "Postgres", text)]
    if may_write:
        text, hint = f"{role} could write; usertrack never does", "a role with SELECT alone is safer"
        findings.append(Finding("note", "Postgres role", text, hint))
    return findings


def check_events(runner: Runner) -> list[Finding]:
    """Whether the events that the shipped queries look for ever happened."""
    names = ", ".join(f"'{name}'" for name in _EVENTS)
    statement = Statement(
        "posthog",
        f"SELECT event, count() AS n FROM events WHERE event IN ({names}) GROUP BY event",
        name="events",
        limit=100,
    )
    answer = runner.run([statement])[0]
    if isinstance(answer, UsertrackError):
        return []
    seen: dict[str, int] = dict(answer.rows)
    return [
        Finding("ok", f"event {name}", f"{number(seen[name])} times")
        if name in seen
        else Finding(
            "note", f"event {name}", "never seen", "queries that count it will find nobody; is it called otherwise?"
        )
        for name in _EVENTS
    ]


def examine(runner: Runner, settings: Settings, rules: Path) -> list[Finding]:
    """Everything, in the order in which a newcomer would mend it."""
    sources = check_sources(runner)
    down = {finding.subject for finding in sources if finding.level == "FAIL" and not finding.detail.startswith(_EMPTY)}
    if "PostHog" not in down:
        sources += check_insights(runner)
    return [
        *check_settings(settings),
        *sources,
        *check_events(runner),
        *_queries(runner, down),
        *check_rules(rules, runner.library),
    ]


def _queries(runner: Runner, down: Collection[str]) -> list[Finding]:
    """Every query, those of a source that is ``down`` as not checked: why it is down is told already."""
    folders = {f"{source}/": NAMES[source] for source in SOURCES if NAMES[source] in down}
    findings = check_queries_online(runner) if len(folders) < len(SOURCES) else check_queries(runner.library)
    findings = [
        Finding("note", finding.subject, f"not checked: {away} cannot be asked", group=finding.group)
        if away
        else finding
        for finding in findings
        for away in [folders.get(finding.subject.partition("/")[0] + "/")]
    ]
    return findings if "neon/" in folders else check_tables(runner, findings)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"
