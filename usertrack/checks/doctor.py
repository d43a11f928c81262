"""`usertrack doctor`: checks settings, connections, scopes, tables, columns and events of a workspace."""

import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from usertrack.checks.entities import check_entity_files
from usertrack.checks.finding import Finding
from usertrack.checks.matches import check_internal, check_matches
from usertrack.checks.online import check_online
from usertrack.checks.postgres_role import ABOUT_POSTGRES, postgres_findings
from usertrack.checks.workspace import check_metrics, check_queries, check_rules
from usertrack.core.errors import NotConnected, UsertrackError
from usertrack.core.source_names import POSTGRES
from usertrack.core.table import Table
from usertrack.core.words import number, plural
from usertrack.engine.runner import Runner
from usertrack.engine.unavailable import NAMES
from usertrack.insights.saved import favourites, list_insights
from usertrack.library.entities import KINDS, Entity
from usertrack.library.events import EVENTS, NONE, ROLES, parse_step
from usertrack.library.library import SOURCES, Statement
from usertrack.sources.http import LacksScope
from usertrack.sources.own_events import folder_of, own_events
from usertrack.sources.posthog import NO_PROJECT_READ
from usertrack.workspace.setting_specs import SETTINGS
from usertrack.workspace.settings import Settings

_CREDENTIALS = re.compile(r"//[^/@\s]*@")  # user and password of an address


def check_settings(settings: Settings) -> list[Finding]:
    """Every setting with its value (a secret is masked) and its origin."""
    return [Finding("ok", name, _setting_words(settings, name)) for name in SETTINGS]


def _setting_words(settings: Settings, name: str) -> str:
    if not settings.is_set(name):
        return f"not set ({SETTINGS[name].env})"
    value = settings.values[name].plain
    text = ", ".join(value) if isinstance(value, list) else settings.displayed(name)
    return f"{_CREDENTIALS.sub('//…@', text)} ({settings.values[name].origin})"


def check_sources(runner: Runner) -> list[Finding]:
    """Both connections: what answers, and how fast."""
    posthog = Statement(
        "posthog",
        "SELECT count() AS events, max(timestamp) AS last FROM events WHERE timestamp <= toDateTime({as_of})",
        {"as_of": runner.as_of},
        {"as_of": "timestamp"},
        name="PostHog",
        limit=1,
    )
    with suppress(UsertrackError):  # PostHog's own has no such path; what cannot be asked is told below
        if runner.call("GET", "").get("usertrack_privacy"):
            runner.call("GET", "usertrack/reconcile/")  # each answer then tells what is missing
    posthog_answer, postgres_answer = runner.run([posthog, ABOUT_POSTGRES])
    own = own_events(runner.settings, runner.library)
    return [
        *(
            [_failed(runner, "posthog", posthog_answer)]
            if isinstance(posthog_answer, UsertrackError)
            else _own_events(runner.settings, own, posthog_answer)
            if own
            else [_posthog(posthog_answer), _scopes(posthog_answer), *_unasked_events(runner)]
        ),
        *(Finding("FAIL", "store", damage) for damage in runner.damage),
        *(
            [_failed(runner, POSTGRES, postgres_answer)]
            if isinstance(postgres_answer, UsertrackError)
            else postgres_findings(postgres_answer)
        ),
    ]


def check_insights(runner: Runner) -> list[Finding]:
    """Whether the key may read the workspace's favourite insights, and whether they exist."""
    names = runner.settings["insights"]
    if not names:
        return []
    try:
        known = list_insights(runner)
    except LacksScope as error:
        return [Finding("FAIL", "PostHog scopes", error.message, error.hint)]
    except UsertrackError:
        return []  # `check_sources` reports the connection itself
    missing = [name for name in names if not favourites(known, [name])]
    if missing:
        text = f"{', '.join(missing)}: no saved insight in this project"
        return [Finding("note", "insights", text, "`usertrack insight list` shows those there are")]
    return [Finding("ok", "insights", f"insight:read, {len(names)} favourites")]


def _failed(runner: Runner, source: str, error: UsertrackError) -> Finding:
    name, absent = NAMES[source], runner.settings.absent
    has_nothing = {"posthog": EVENTS in absent, POSTGRES: KINDS.keys() <= {*absent}}
    if isinstance(error, NotConnected):
        if has_nothing[source]:
            return Finding("ok", name, "not connected, and not needed: usertrack.yaml says that you have none")
        return Finding("note", name, "not connected: what rests on it is left out", error.hint)
    return Finding("FAIL", name, error.message.removeprefix(f"{name}: "), error.hint)


def _posthog(answer: Table) -> Finding:
    events, last = answer.rows[0]
    facts = f"timezone {answer.timezone}, {1000 * answer.elapsed:.0f} ms away"
    if not events:
        return Finding(
            "FAIL", "PostHog", f"{_EMPTY}, {facts}", "is this the right project? does your site send events?"
        )
    return Finding("ok", "PostHog", f"{number(events)} events, the last at {last:%Y-%m-%d %H:%M} UTC, {facts}")


def _unasked_events(runner: Runner) -> list[Finding]:
    """Say of own events beside PostHog that no answer counts them."""
    if runner.settings.uses_demo or not (own := runner.library.entities.own_events):
        return []
    text = f"{own.place} is not asked: PostHog leads, and what is in Postgres alone is in no answer"
    return [Finding("note", OWN_EVENTS_NAME, text, "`leads: own` in its header asks it, and PostHog no more")]


def _own_events(settings: Settings, entity: Entity, answer: Table) -> list[Finding]:
    """Say how far the copy of own events is, and which rows are none."""
    from usertrack.server.synchronise import SyncState

    (events, last), state = answer.rows[0], SyncState.read(folder_of(settings) / "own_events.json")
    text = plural(events, "event") + (f", the last of {last:%Y-%m-%d %H:%M} UTC" if events else "")
    return [
        Finding("ok", OWN_EVENTS_NAME, f"{text}; {entity.place} says what they are"),
        *(
            Finding(
                "note",
                OWN_EVENTS_NAME,
                f"{plural(rows, 'row')} left out: {problem}",
                f"such as {', '.join(ids)}" * bool(ids),
            )
            for problem, (rows, ids) in state.refused.items()
            if rows
        ),
    ]


def _scopes(answer: Table) -> Finding:
    """Say what the key may do: its query succeeded, and the notes tell whether it could read the project."""
    if NO_PROJECT_READ in answer.notes:
        add = "add it in PostHog under Settings, Personal API keys"
        return Finding("note", "PostHog scopes", f"query:read; {NO_PROJECT_READ}", add)
    return Finding("ok", "PostHog scopes", "query:read, project:read")


_EMPTY = "no events at all"
OWN_EVENTS_NAME = "your events"


def check_events(runner: Runner) -> list[Finding]:
    """Whether the events that the shipped queries look for have ever happened: those of each role, and pageviews.

    And whether those have that are said not to be there.
    """
    roles = runner.library.roles
    steps = {name: parse_step(text) for name, text in roles.items() if text != NONE}
    denied = {name: parse_step(ROLES[name].default) for name, text in roles.items() if text == NONE}
    events = sorted({"$pageview", *(event for step in (*steps.values(), *denied.values()) for event in step.events)})
    statement = Statement(
        "posthog",
        "SELECT event, count() AS n FROM events WHERE event IN {events} GROUP BY event",
        {"events": events},
        {"events": "list"},
        name="events",
        limit=1000,  # more than the names that are asked for
    )
    answer = runner.run([statement])[0]
    if isinstance(answer, UsertrackError):
        return []
    seen: dict[str, int] = dict(answer.rows)
    counts = {role: sum(seen.get(event, 0) for event in step.events) for role, step in steps.items()}
    texts = {role: " or ".join(step.events) for role, step in steps.items()}
    never = [role for role, count in counts.items() if not count]
    findings = [
        Finding("ok", f"event {texts[role]}", f"{number(count)} times", group="events")
        for role, count in counts.items()
        if count
    ]
    if never:
        none = ", ".join(f"{role}: none" for role in never)
        findings.append(
            Finding(
                "note",
                "events",
                f"never seen: {'; '.join(texts[role] for role in never)}",
                f"name yours in usertrack.yaml, or say that there are none: `events: {{{none}}}`",
            )
        )
    for role, step in denied.items():
        if there := [event for event in step.events if seen.get(event)]:
            text = f"`events.{role}` is none, and {there[0]} occurred {plural(seen[there[0]], 'time')}"
            findings.append(
                Finding("note", f"event {there[0]}", text, "take that line out of usertrack.yaml to use it")
            )
    if not runner.library.has_events and seen:
        text = "usertrack.yaml says `events: none`, and PostHog has events"
        findings.append(Finding("note", "events", text, "take that line away: what rests on events is left out"))
    if not seen.get("$pageview"):
        findings.append(Finding("note", "event $pageview", "never seen", "does your site send pageviews?"))
    return findings


def examine(runner: Runner, settings: Settings, rules: Path) -> list[Finding]:
    """All checks but that of settings."""
    sources = check_sources(runner)
    down = {finding.subject for finding in sources if finding.level == "FAIL" and not finding.detail.startswith(_EMPTY)}
    if "PostHog" not in down:
        sources += check_insights(runner)
    workspace = Finding("ok", "workspace", str(settings.root or "none; `usertrack init` makes one"))
    return [
        *[workspace, Finding("ok", "sources", "the demo" if settings.uses_demo else "your own")],
        *sources,
        *check_events(runner),
        *_queries(runner, rules, down),
        *check_rules(rules, runner.library),
        *check_metrics(runner.library),
        *check_matches(runner, rules),
    ]


def _queries(runner: Runner, rules: Path, down: Collection[str]) -> list[Finding]:
    """Every entity and query; queries of a source that is ``down`` as not checked."""
    folders = {f"{source}/": NAMES[source] for source in SOURCES if NAMES[source] in down}
    if len(folders) == len(SOURCES):
        findings = [*check_entity_files(runner.library), *check_queries(runner.library), *check_internal(runner)]
    else:
        findings = check_online(runner, rules)
    return [
        Finding("note", finding.subject, f"not checked: {name} cannot be asked", group=finding.group)
        if (name := folders.get(finding.subject.partition("/")[0] + "/"))
        else finding
        for finding in findings
    ]
