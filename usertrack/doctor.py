"""What stands between this workspace and an answer: settings, connections, scopes, tables, columns and events."""

from pathlib import Path

from usertrack.check import Finding, check_queries_online, check_rules
from usertrack.errors import UsertrackError
from usertrack.library import Statement
from usertrack.run import Runner
from usertrack.settings import KNOWN, Settings

_EVENTS = ("mcp_connect_clicked", "$rageclick", "$exception", "$pageview")


def check_settings(settings: Settings) -> list[Finding]:
    """Every setting with its value (never a secret's) and where it came from."""
    found = [
        Finding("ok", name, f"{settings.shown(name)} ({settings.values[name].origin})")
        for name in KNOWN
        if settings[name] is not None
    ]
    workspace = Finding("ok", "workspace", str(settings.root or "none; `usertrack init` makes one"))
    sources = Finding("ok", "sources", "the demo" if settings.uses_demo else "your own")
    return [workspace, sources, *found]


def check_sources(runner: Runner) -> list[Finding]:
    """Both connections: who answers, and how long that takes."""
    posthog = Statement(
        "posthog",
        "SELECT count() AS events, max(timestamp) AS last FROM events WHERE timestamp <= now()",
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
    findings = []
    for statement, answer in zip((posthog, postgres), runner.run([posthog, postgres]), strict=True):
        if isinstance(answer, UsertrackError):
            findings.append(Finding("FAIL", statement.name, answer.message, answer.hint))
        elif statement is posthog:
            events, last = answer.rows[0]
            text = (
                f"timezone {answer.timezone}, {events:,} events, the last at {last:%Y-%m-%d %H:%M} UTC"
                if events
                else "no events at all"
            )
            findings.append(
                Finding(
                    "ok" if events else "FAIL",
                    "PostHog",
                    f"{text}, {_ms(answer.elapsed)}",
                    "" if events else "is this the right project? does your site send events?",
                )
            )
        else:
            version, database, role, may_write = answer.rows[0]
            findings.append(
                Finding(
                    "ok",
                    "Postgres",
                    f"{version}, database {database}, role {role}, session read-only, {_ms(answer.elapsed)}",
                )
            )
            if may_write:
                findings.append(
                    Finding(
                        "note",
                        "Postgres role",
                        f"{role} could write; usertrack never does",
                        "a role with SELECT alone is safer",
                    )
                )
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
        Finding("ok", f"event {name}", f"{seen[name]:,} times")
        if name in seen
        else Finding(
            "note", f"event {name}", "never seen", "queries that count it will find nobody; is it called otherwise?"
        )
        for name in _EVENTS
    ]


def examine(runner: Runner, settings: Settings, rules: Path) -> list[Finding]:
    """Everything, in the order in which a newcomer would mend it."""
    sources = check_sources(runner)
    down = {finding.what for finding in sources if finding.level == "FAIL" and finding.detail != "no events at all"}
    folders = tuple(folder for folder, name in (("posthog/", "PostHog"), ("neon/", "Postgres")) if name not in down)
    asked = [finding for finding in check_queries_online(runner) if finding.what.startswith(folders)] if folders else []
    return [*check_settings(settings), *sources, *check_events(runner), *asked, *check_rules(rules, runner.library)]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"
