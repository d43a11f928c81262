"""Alerts as documents: the open ones, one with its life, and how fast they are noticed, taken up and resolved."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Document, Facts, Field, Paragraph, Section
from usertrack.core.period import as_stored
from usertrack.core.words import age_words, number, people_words, plural
from usertrack.live.alerts.cards import duration
from usertrack.live.alerts.ids import short_id, short_ids
from usertrack.live.alerts.life import Alert, AlertChange
from usertrack.live.alerts.model import urgency
from usertrack.live.alerts.outbox import ChannelState
from usertrack.live.alerts.stats import Durations, Stats


def person_words(alert: Alert) -> str:
    """The e-mail, the name, or the id of whom the alert is about."""
    people = alert.facts.get("people")
    if not alert.person:
        return people_words(people) if isinstance(people, int) else "many people"
    return str(alert.facts.get("email") or alert.facts.get("name") or alert.person)


def people_in_need(alerts: Sequence[Alert]) -> int:
    """Count the people whom ``alerts`` are about, with those of incidents."""
    of_incidents = (alert.facts.get("people") for alert in alerts if not alert.person)
    return len({alert.person for alert in alerts} - {""}) + sum(size for size in of_incidents if isinstance(size, int))


def by_urgency(alerts: Iterable[Alert], now: datetime) -> list[Alert]:
    """Sort alerts by urgency: not acknowledged first, then severe, then new."""

    def rank(alert: Alert) -> tuple[Any, ...]:
        is_attended = bool(alert.acknowledged_at) or alert.is_snoozed(now)
        return (
            alert.is_resolved,
            is_attended,
            urgency(alert.severity),
            -alert.updated_at.timestamp(),
            alert.key,
        )

    return sorted(alerts, key=rank)


def alerts_document(
    alerts: Sequence[Alert],
    channels: Sequence[ChannelState],
    now: datetime,
    timezone: str,
    *,
    left_out: int = 0,
) -> Document:
    """The alerts, and the channels that do not get through.

    ``left_out``: how many more are open for which an incident stands.
    """
    ids = short_ids(alert.key for alert in alerts)
    columns: Columns[Alert] = Columns(
        Attribute("id", "VARCHAR", lambda alert: ids[alert.key], Field("Id", "text")),
        Attribute("state", "VARCHAR", lambda alert: alert.state(now).value, Field("State")),
        Attribute("severity", "VARCHAR", lambda alert: alert.severity, Field("Severity", spare=True)),
        Attribute(
            "since", "TIMESTAMP", lambda alert: _naive(alert.fired_at or alert.started_at), Field("Since", "when")
        ),
        Attribute("person", "VARCHAR", person_words, Field("Person", "text")),
        Attribute("pattern", "VARCHAR", lambda alert: alert.pattern, Field("Pattern", "tag")),
        Attribute("because", "VARCHAR", lambda alert: alert.because, Field("Why", "text", grows=True, lines=3)),
        Attribute("tier", "VARCHAR", lambda alert: _text(alert.facts.get("tier"))),
        Attribute("page", "VARCHAR", lambda alert: _text(alert.facts.get("page"))),
        Attribute("acknowledged_by", "VARCHAR", lambda alert: alert.acknowledged_by or None),
        Attribute("snoozed_until", "TIMESTAMP", lambda alert: _naive(alert.snoozed_until)),
        Attribute("resolved_at", "TIMESTAMP", lambda alert: _naive(alert.resolved_at)),
        Attribute("key", "VARCHAR", lambda alert: alert.key),
    )
    listed = by_urgency(alerts, now)
    as_of = as_stored(now)
    open_alerts = [alert for alert in alerts if not alert.is_resolved]
    blocks: tuple[Block, ...] = (columns.listing(listed, timezone=timezone, as_of=as_of),) if listed else ()
    if not listed:
        blocks = (
            Paragraph("Nobody needs help, as far as your patterns see: there is no open alert."),
            Paragraph("`usertrack alerts watch` looks for them; `alerts list --all` has those of before", "dim"),
        )
    return Document(
        title=f"{plural(len(open_alerts), 'open alert')} of {people_words(people_in_need(open_alerts))}",
        blocks=blocks,
        notes=(*_incident_notes(left_out), *_channel_notes(channels)),
        data=lambda: {"alerts": columns.dicts(listed)},
        table=columns.table(listed, "alerts", timezone=timezone, as_of=as_of),
        timezone=timezone,
        as_of=as_of,
    )


def alert_document(
    alert: Alert,
    changes: Sequence[AlertChange],
    now: datetime,
    timezone: str,
    looks_for: Mapping[str, str] | None = None,
) -> Document:
    """One alert: why, its facts, every step of its life, and what its pattern ``looks_for``, in words."""
    columns: Columns[AlertChange] = Columns(
        Attribute("at", "TIMESTAMP", lambda change: _naive(change.at), Field("When", "when")),
        Attribute("state", "VARCHAR", lambda change: change.state.value, Field("State")),
        Attribute("who", "VARCHAR", lambda change: change.who or "usertrack", Field("Who", "text")),
        Attribute("comment", "VARCHAR", lambda change: change.comment, Field("Comment", "text", grows=True)),
    )
    as_of = as_stored(now)
    return Document(
        title=f"{person_words(alert)} · {alert.pattern}",
        subtitle=" · ".join((short_id(alert.key), alert.severity, alert.state(now).value, *_part_of(alert))),
        blocks=(
            Paragraph(alert.because, "bold"),
            Facts(tuple(_facts(alert.facts))),
            *([Section(f"What {alert.pattern} looks for", (Facts(tuple(looks_for.items())),))] if looks_for else []),
            columns.listing(changes, "Its life", timezone=timezone, as_of=as_of),
            *([Paragraph(f"decided by {plural(len(alert.events), 'event')}", "dim")] if alert.events else []),
        ),
        data=lambda: {
            "id": short_id(alert.key),
            "key": alert.key,
            "state": alert.state(now).value,
            "because": alert.because,
            "severity": alert.severity,
            "labels": dict(alert.labels),
            "facts": dict(alert.facts),
            "events": list(alert.events),
            "looks_for": dict(looks_for or {}),
            "changes": columns.dicts(changes),
        },
        table=columns.table(changes, "changes", timezone=timezone, as_of=as_of),
        timezone=timezone,
        as_of=as_of,
    )


def _part_of(alert: Alert) -> list[str]:
    return [f"part of the incident {short_id(alert.incident)}"] if alert.incident else []


def _incident_notes(left_out: int) -> list[str]:
    if not left_out:
        return []
    return [f"incidents stand for {plural(left_out, 'alert')} of single people: `usertrack alerts list --all` has them"]


def _channel_notes(channels: Sequence[ChannelState]) -> list[str]:
    return [
        f"{channel.name} does not get through, {plural(channel.waiting, 'message waits', 'messages wait')}:"
        f" {channel.error}" + (f"; {channel.hint}" if channel.hint else "")
        for channel in channels
        if channel.failing_since
    ]


def _naive(moment: datetime | None) -> datetime | None:
    return as_stored(moment) if moment else None


def _text(value: object) -> str | None:
    return None if value in (None, "") else str(value)


_IDS = frozenset({"session", "tab", "fingerprint", "person", "route"})  # and what is the page once more
_NO_NEWS = frozenset({"errors", "events", "quiet_minutes", "quiet_days"})  # where they are 0


def _facts(facts: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Return the facts that are shown, by their label. JSON has all facts under their names."""
    for name, value in facts.items():
        if value in (None, "") or name in _IDS or (name in _NO_NEWS and value == 0):
            continue
        if name == "seconds_on_page":
            yield "time on page", duration(value) or value
        elif name == "last_active_at":
            yield "last active", _moment(str(value))
        else:
            yield (
                _NAMES.get(name, name.replace("_", " ")),
                value if isinstance(value, (int, float, str)) else str(value),
            )


_NAMES = {"count": "times", "events": "events of the session", "usual_seconds": "usual seconds on page"}


def _moment(text: str) -> datetime | str:
    try:
        return as_stored(datetime.fromisoformat(text))
    except ValueError:
        return text


def stats_document(stats: Stats, days: int, pattern: str) -> Document:
    """Return the document of how fast alerts were noticed, taken up and resolved."""
    rows = (
        ("noticed", "from the deciding event", stats.to_detect),
        ("taken up", "from then, until somebody acknowledged, snoozed or resolved it", stats.to_acknowledge),
        ("over", "from the deciding event", stats.to_resolve),
    )
    columns: Columns[tuple[str, str, Durations]] = Columns(
        Attribute("what", "VARCHAR", lambda row: row[0], Field("Until it was")),
        Attribute("alerts", "BIGINT", lambda row: row[2].n, Field("Alerts", "number")),
        Attribute("ended", "BIGINT", lambda row: row[2].ended, Field("So far", "number")),
        Attribute("median_seconds", "DOUBLE", lambda row: _seconds(row[2].median), Field("Median"), _median),
        Attribute("p90_seconds", "DOUBLE", lambda row: _seconds(row[2].p90), Field("9 of 10 within"), _p90),
        Attribute("within_target", "BIGINT", lambda row: row[2].within),
        Attribute("due", "BIGINT", lambda row: row[2].due),
        Attribute("target_seconds", "DOUBLE", lambda row: _seconds(row[2].target)),
        Attribute("target", "VARCHAR", lambda row: _target(row[2]), Field("Target", "text")),
        Attribute("meaning", "VARCHAR", lambda row: row[1], Field("Counted", "text", spare=True)),
    )
    of = f" of {pattern}" if pattern else ""
    unanswered = f"{plural(stats.unanswered, 'alert')} nobody has taken up" if stats.unanswered else ""
    if stats.noise:
        share = f"{stats.noise / stats.fired:.0%}".replace("%", " %")
        unanswered += f", {number(stats.noise)} of them over by themselves: {share} noise"
    return Document(
        title=f"{plural(stats.fired, 'alert')}{of} in {plural(days, 'day')}",
        blocks=(columns.listing(rows), *([Paragraph(unanswered)] if unanswered else [])),
        data=lambda: {
            "fired": stats.fired,
            "unanswered": stats.unanswered,
            "noise": stats.noise,
            "times": columns.dicts(rows),
        },
        table=columns.table(rows, "alert_stats"),
    )


def _median(row: tuple[str, str, Durations]) -> str:
    return "" if row[2].median is None else age_words(row[2].median)


def _p90(row: tuple[str, str, Durations]) -> str:
    return "" if row[2].p90 is None else age_words(row[2].p90)


def _target(durations: Durations) -> str:
    if not durations.due:
        return ""
    return f"{durations.within} of {durations.due} within {age_words(durations.target)}"


def _seconds(span: timedelta | None) -> float | None:
    return span.total_seconds() if span is not None else None
