"""A dossier as a document, and as a report with the queries of its figures."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Document, Facts, Field, Heatmap, Listing, Origin, Paragraph, Section, Spark
from usertrack.core.period import day, moment
from usertrack.core.provenance import provenance
from usertrack.core.table import Row
from usertrack.core.words import age_words, number
from usertrack.library.own_words import PLAIN, OwnWords
from usertrack.reports.dossier import PARTS, Dossier
from usertrack.reports.timeline import BY_TIME, FailedRun, failed_runs, timeline
from usertrack.segments.explain import Verdict
from usertrack.segments.rules import segment_tags
from usertrack.segments.wording import value_words


def person_document(dossier: Dossier, timezone: str, *, masked: bool = False) -> Document:
    """All of it. Messages are as they were written; ``masked`` is for what is passed on."""
    facts = dossier.values
    name = facts.get("name")
    return Document(
        title=f"{name} · {dossier.email}" if name else dossier.email,
        subtitle=moment(dossier.as_of, timezone),
        blocks=(
            Paragraph(summary_sentence(dossier, timezone)),
            Facts(tuple(_account(dossier, facts, timezone))),
            *_segments(dossier),
            _activity(dossier),
            *_hours(dossier, timezone),
            *(_listing(dossier, part, masked=masked) for part in _PARTS if _has_rows(dossier, part)),
            *_empty_parts(dossier),
            *_failed_runs(dossier, timezone, masked=masked),
            *_timeline(dossier, timezone, masked=masked),
        ),
        notes=dossier.notes,
        data=lambda: _json(dossier, timezone),
        timezone=timezone,
        as_of=dossier.as_of,
    )


def person_report(
    dossier: Dossier,
    profile: tuple[Origin, ...],
    recipe: Mapping[str, Any],
    timezone: str,
    templates: Path | None = None,
    limit: int | None = None,
) -> Document:
    """The dossier with the queries of its figures, and masked messages; ``recipe`` is how to make it again."""
    facts = dossier.values
    account = (Paragraph(summary_sentence(dossier, timezone)), Facts(tuple(_account(dossier, facts, timezone))))
    blocks: tuple[Block, ...] = (
        Section("Account", account, (*profile, *_origins(dossier, "origin", "tools"))),
        Section("", tuple(_segments(dossier)), profile),
        Section("Activity", (_activity(dossier),), _origins(dossier, "event_hours", "action_hours", "sessions")),
        *(
            Section("", (block,), _origins(dossier, "event_hours", "action_hours"))
            for block in _hours(dossier, timezone)
        ),
        *(
            _headed(_listing(dossier, part, masked=True), _origins(dossier, part))
            for part in _PARTS
            if _has_rows(dossier, part)
        ),
        *_empty_parts(dossier),
        *(_headed(block, _origins(dossier, "actions")) for block in _failed_runs(dossier, timezone, masked=True)),
        *(
            _headed(block, _origins(dossier, "events", "actions"))
            for block in _timeline(dossier, timezone, masked=True)
        ),
    )
    document = person_document(dossier, timezone, masked=True)
    return replace(
        document, blocks=blocks, layout="user", templates=templates, provenance=provenance(blocks, recipe, limit)
    )


def _headed(block: Listing, origins: tuple[Origin, ...]) -> Section:
    return Section(block.heading, (replace(block, heading=""),), origins)


def _origins(dossier: Dossier, *parts: str) -> tuple[Origin, ...]:
    return tuple(
        Origin(PARTS[part], {"email": list(dossier.spellings)}, PARTS[part].split("/")[0], dossier.as_of)
        for part in parts
        if part in dossier.parts
    )


_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FEWEST_ACTIONS = 50  # fewer leave most of the 168 hours of a week empty
_ACCOUNT = (
    "account_id",
    "accounts",
    "signed_up_at",
    "credits",
    "subscription_status",
    "persons",
    "first_seen_at",
    "last_activity_at",
)


def _account(dossier: Dossier, facts: dict[str, Any], timezone: str) -> Iterator[tuple[str, str]]:
    """The facts of the account and the person; their number only where there are several."""
    if facts.get("accounts") is None and (accounts := dossier.facts.get("accounts")):
        yield "Account", "unknown" if accounts.missing else "none"
    for name in _ACCOUNT:
        value, fact = facts.get(name), dossier.facts.get(name)
        if fact and value is not None and not (name in ("accounts", "persons") and value == 1):
            yield fact.label[:1].upper() + fact.label[1:], value_words(fact, value, timezone)

    if facts.get("accounts") and not facts.get("subscription_status") and "subscription_status" in dossier.facts:
        yield "Subscription", "unknown" if dossier.facts["subscription_status"].missing else "none"
    # the shares of all finished runs, and of all finished calls, that ended well
    rates = []
    finished, ok = (dossier.values.get(name) for name in ("finished_runs", "runs_completed"))
    if finished:
        rates.append(f"{100 * (ok or 0) / finished:.0f} % of {number(finished)} finished {dossier.words('{runs}')}")
    tools = dossier.parts["tools"].dicts() if "tools" in dossier.parts else []
    calls = sum(row["finished"] for row in tools)
    if calls:
        well = sum(round(row["finished"] * row["success_rate"]) for row in tools if row["success_rate"] is not None)
        rates.append(f"{100 * well / calls:.0f} % of {number(calls)} finished {dossier.words('{tool_calls}')}")
    if rates:
        yield "Success", " · ".join(rates)
    if origin := origin_words(dossier):
        yield "Came", origin


def origin_words(dossier: Dossier) -> str:
    """``from t.co to /pricing``, by the first pageview; empty where none is known."""
    row = next(iter(dossier.parts["origin"].dicts()), None) if "origin" in dossier.parts else None
    if not row or row["first_at"] is None:
        return ""
    referrer = {"$direct": "directly", None: ""}.get(row["referrer"], f"from {row['referrer']}")
    return f"{referrer} to {row['page']}".strip() if row["page"] else referrer


def summary_sentence(dossier: Dossier, timezone: str) -> str:
    """Since when and from where, what they ran, when they were last there, and in which segments they are."""
    facts, words = dossier.values, dossier.words
    signed_up, last = facts.get("signed_up_at"), facts.get("last_activity_at")
    came = f", came {origin}" if (origin := origin_words(dossier)) else ""
    accounts = dossier.facts.get("accounts")
    is_unknown = accounts is not None and bool(accounts.missing)
    account = "has an unknown account" if is_unknown else "has no account"
    if accounts is None and (seen := facts.get("first_seen_at")):  # without Postgres nobody has one
        account = f"was first seen on {day(seen, timezone)}"
    parts = [f"{f'signed up on {day(signed_up, timezone)}' if signed_up else account}{came}"]
    if signed_up and facts.get("run_count") is not None:
        finished, ok = facts.get("finished_runs"), facts.get("runs_completed")
        well = f", of which {100 * (ok or 0) / finished:.0f} % ended well" if finished else ""
        ran = f"ran {number(facts['run_count'])}×{well}"
        parts.append(ran if facts["run_count"] else words("never ran {a workflow}"))
    if last:
        parts.append(f"was last active {age_words(dossier.as_of.replace(tzinfo=None) - last)} ago")
    segments = [verdict.segment.name for verdict in _main_set(dossier)]
    parts += [f"is in {', '.join(segments)}"] if segments else []
    return f"{facts.get('name') or dossier.email} {'; '.join(parts)}."


def _main_set(dossier: Dossier) -> list[Verdict]:
    """The segments of the first set, in which people are acted on."""
    first = next(iter(dossier.explanations.values()), None)
    return [verdict for verdict in first.verdicts if verdict.member] if first else []


def _segments(dossier: Dossier) -> Iterator[Block]:
    """The segments of the person in every set, and those where a missing source leaves it unknown."""
    verdicts = [
        (name, verdict) for name, explanation in dossier.explanations.items() for verdict in explanation.verdicts
    ]
    members = [(name, verdict) for name, verdict in verdicts if verdict.member]
    tags = {
        name: tag
        for explanation in reversed(dossier.explanations.values())
        for name, tag in segment_tags(verdict.segment for verdict in explanation.verdicts).items()
    }
    columns: Columns[tuple[str, Verdict]] = Columns(
        Attribute("segment", "VARCHAR", lambda row: row[1].segment.name, Field("Segment", "tag", tags=tags)),
        Attribute("set", "VARCHAR", lambda row: row[0], Field("Set") if len(dossier.explanations) > 1 else None),
        Attribute("action", "VARCHAR", lambda row: row[1].segment.action, Field("Action")),
        Attribute("why", "VARCHAR", lambda row: row[1].because, Field("Why", "text", grows=True)),
    )
    unknown = [f"{verdict.segment.name} ({name})" for name, verdict in verdicts if verdict.unknown]
    if members or not unknown:
        yield columns.listing(members, "Segments")
    if unknown:
        yield Paragraph(f"not known whether in {', '.join(unknown)}", "dim")


def _activity(dossier: Dossier) -> Spark:
    total = sum(actions for _, actions in dossier.days)
    words = [f"{total} action{'s' * (total != 1)}"]
    sessions = dossier.parts.get("sessions")
    if sessions and len(sessions.rows):
        lengths = [row[sessions.names.index("seconds")] for row in sessions.rows]
        words.append(f"{len(lengths)} session{'s' * (len(lengths) != 1)}, median {_duration(median(lengths))}")
    return Spark(f"Activity, {len(dossier.days) - 1} days", [actions for _, actions in dossier.days], " · ".join(words))


def _hours(dossier: Dossier, timezone: str) -> Iterator[Heatmap]:
    """Actions by weekday and hour, if there are enough of them."""
    if sum(map(sum, dossier.hours)) >= _FEWEST_ACTIONS:
        hours = [f"{hour:02}" for hour in range(24)]
        yield Heatmap("By weekday and hour", _WEEKDAYS, hours, dossier.hours, caption=f"actions, {timezone}")


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"


_WHEN = {"first_at": Field("First", "when"), "last_at": Field("Last", "when")}
# The two levels of failure are side by side, and never mixed in one number.
_PARTS: dict[str, tuple[str, dict[str, Field]]] = {
    "mcp": ("{servers} clicked", {"server": Field("Server"), "clicks": Field("Clicks", "number"), **_WHEN}),
    "tools": (
        "{Tools}",
        {
            "tool": Field("{Tool}"),
            "uses": Field("Uses", "number"),
            "finished": Field("Finished", "number"),
            "success_rate": Field("Success", "bar", full=1.0),
            **_WHEN,
        },
    ),
    "runs": (
        "{Workflow} level: {runs}",
        {
            "outcome": Field("Outcome", "tag"),
            "cause": Field("Cause"),
            "owner": Field("Owner"),
            "message": Field("Message", "text", grows=True),
            "runs": Field("{Runs}", "number"),
            **_WHEN,
        },
    ),
    "tool_failures": (
        "{Tool} level: failed {calls}",
        {
            "tool": Field("{Tool}"),
            "cause": Field("Cause"),
            "owner": Field("Owner"),
            "message": Field("Message", "text", grows=True),
            "failures": Field("Failures", "number"),
            **_WHEN,
        },
    ),
    "custom_tools": (
        "{Custom_tools}",
        {
            "name": Field("{Tool}"),
            "description": Field("Description", "text", grows=True),
            "code_length": Field("Characters", "number"),
            "created_at": Field("Built", "when"),
        },
    ),
    "sessions": (
        "Sessions, 30 days",
        {
            "started_at": Field("Started"),
            "seconds": Field("Seconds", "number"),
            "events": Field("Events", "number"),
            "pageviews": Field("Pages", "number"),
            "entry_page": Field("Entered at", "text", grows=True),
        },
    ),
}


def _has_rows(dossier: Dossier, part: str) -> bool:
    return part in dossier.parts and len(dossier.parts[part].rows) > 0


def _in_words(part: str, words: OwnWords) -> tuple[str, dict[str, Field]]:
    """The heading and the columns of a part, in the company's own words."""
    heading, fields = _PARTS[part]
    return words(heading), {name: replace(field, label=words(field.label)) for name, field in fields.items()}


def _listing(dossier: Dossier, part: str, *, masked: bool) -> Listing:
    heading, fields = _in_words(part, dossier.words)
    table = dossier.parts[part]
    if "real" in table.names and not masked:
        fields = {("real" if field.grows else name): field for name, field in fields.items()}
    return Listing(table, heading=heading, fields=fields, columns=tuple(fields), limit=10)


def _empty_parts(dossier: Dossier) -> Iterator[Paragraph]:
    """The headings of parts without rows, and of parts without an answer."""
    headings = {part: dossier.words(heading) for part, (heading, _) in _PARTS.items()}
    empty = [headings[part] for part in _PARTS if part in dossier.parts and not _has_rows(dossier, part)]
    unknown = [headings[part] for part in _PARTS if part in dossier.missing]
    for word, listed in (("none", empty), ("unknown", unknown)):
        if listed:
            yield Paragraph(f"{word}: {', '.join(listed)}", "dim")


_KINDS = {"run": "{run}", "tool": "{tool}", "code": "{code}", "custom tool": "{custom_tool}", "agent": "{agent}"}


def _timeline_columns(words: OwnWords = PLAIN) -> Columns[Row]:
    """The columns of a timeline; a run has no name, and is called what the company calls it."""
    return Columns(
        Attribute("at", "TIMESTAMP", lambda row: row[0], Field("When")),
        Attribute("kind", "VARCHAR", lambda row: words(_KINDS.get(row[1] or "", row[1] or "")), Field("Kind")),
        Attribute("what", "VARCHAR", lambda row: words["workflow_run"] if row[1] == "run" else row[2], Field("What")),
        Attribute("outcome", "VARCHAR", lambda row: row[3], Field("Outcome", "tag")),
        Attribute("detail", "VARCHAR", lambda row: row[4], Field("Detail", "text", grows=True)),
    )


def _failed_runs(dossier: Dossier, timezone: str, *, masked: bool) -> list[Listing]:
    """The failed runs of the timeline, each beside its calls where there are any."""
    actions = {part: table for part, table in dossier.parts.items() if part == "actions"}
    runs = failed_runs(timeline(actions, masked=masked))
    attributes: list[Attribute[FailedRun]] = [
        Attribute("failed_at", "TIMESTAMP", "at", Field("When")),
        Attribute("message", "VARCHAR", field=Field("Message", "text", grows=True)),
    ]
    heading = dossier.words("Failed {runs}, 30 days")
    has_calls = any(run.calls for run in runs)
    if has_calls:
        attributes.append(Attribute("calls", "VARCHAR", "words", Field(dossier.words("{Calls} beside it"), "text")))
        heading = dossier.words("Failed {runs} beside their {tool_calls}, 30 days")
    columns = Columns(*attributes)
    listing = columns.listing(runs, heading, limit=5, timezone=timezone, as_of=dossier.as_of)
    return [replace(listing, more=BY_TIME) if has_calls else listing] if runs else []


def _timeline(dossier: Dossier, timezone: str, *, masked: bool) -> list[Listing]:
    heading = "Timeline, 30 days"
    columns = _timeline_columns(dossier.words)
    rows = dossier.timeline if masked else timeline(dossier.parts, dossier.copies, masked=False)
    listing = columns.listing(rows, heading, limit=30, timezone=timezone, as_of=dossier.as_of)
    return [listing] if rows else []


def _json(dossier: Dossier, timezone: str) -> dict[str, Any]:
    facts = dossier.values
    return {
        dossier.key: dossier.email,
        "as_of": dossier.as_of,
        "timezone": timezone,
        "profile": {name: value for name, value in facts.items() if name != "as_of"},
        "segments": [
            {"set": name, "id": v.segment.id, "name": v.segment.name, "action": v.segment.action, "because": v.because}
            for name, explanation in dossier.explanations.items()
            for v in explanation.verdicts
            if v.member
        ],
        "days": [{"day": day, "actions": actions} for day, actions in dossier.days],
        "hours": {name: list(counts) for name, counts in zip(_WEEKDAYS, dossier.hours, strict=True)},
        **{
            part: [{name: value for name, value in row.items() if name != "real"} for row in table.dicts()]
            for part, table in dossier.parts.items()
            if part not in ("events", "actions", "event_hours", "action_hours")
        },
        "timeline": _timeline_columns().dicts(dossier.timeline),
        "missing": dossier.missing,
        "notes": list(dossier.notes),
    }
