"""A failure investigation as a document. The two levels are side by side; no number mixes them."""

from collections.abc import Iterator
from dataclasses import replace

from usertrack.core.document import Block, Document, Field, Listing, Paragraph, Spark
from usertrack.core.errors import did_you_mean
from usertrack.core.period import in_zone, moment
from usertrack.core.sections import unknown_paragraph
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import number, plural
from usertrack.failures.bursts import CONDITION, FALSE_ALARMS, Incident, Stretch
from usertrack.failures.causes import LEVELS, UNKNOWN
from usertrack.failures.checklist import NOUNS, by_category, checklist, percent, span
from usertrack.failures.days import Contrast
from usertrack.failures.export import COLUMNS, days_of_runs, fingerprints_table, investigation_json, success
from usertrack.failures.investigation import Fingerprint, Investigation, Unused

_NAMES = {"workflow": "Workflow level: runs", "tool": "Tool level: calls"}
_TYPES = {
    **dict.fromkeys(
        ("finished", "failed", "people", "failures", "n", *(f"{level}_failed" for level in LEVELS)), "BIGINT"
    ),
    **dict.fromkeys(("success", *(f"{level}_share" for level in LEVELS)), "DOUBLE"),
    "last_at": "TIMESTAMP",
}


def failures_document(investigation: Investigation | Unused, timezone: str) -> Document:
    """The whole investigation with its checklist; for a tool that the person never used, a sentence that says so."""
    if isinstance(investigation, Unused):
        return _unused(investigation, timezone)
    since = in_zone(investigation.since, timezone)
    tools = f" in {', '.join(investigation.tools)}" if investigation.tools else ""
    return Document(
        title=f"Failures of {investigation.person or 'everybody'}{tools}",
        subtitle=f"{since.day} {since:%b} to {moment(investigation.as_of, timezone)}",
        blocks=tuple(_blocks(investigation, timezone)),
        notes=tuple(investigation.notes),
        data=lambda: investigation_json(investigation, timezone),
        table=fingerprints_table(investigation, timezone),
        timezone=timezone,
        as_of=investigation.as_of,
    )


def _blocks(investigation: Investigation, timezone: str) -> Iterator[Block]:
    """The blocks of the known parts; the checklist says why others are unknown."""
    if not investigation.unknown("levels"):
        yield _levels(investigation)
    if not investigation.unknown("windows", "messages"):
        yield from _incidents(investigation, timezone)
    if not investigation.unknown("messages"):
        yield from (_fingerprints(investigation, level, timezone) for level in LEVELS if investigation.at(level))
        yield from _unknown(investigation)
        yield _categories(investigation)
    if not investigation.unknown("kinds"):
        yield _kinds(investigation)
    if not investigation.unknown("days"):
        yield from _timeline(investigation, timezone)
    yield _checklist(investigation, timezone)


def weekly_blocks(investigation: Investigation, timezone: str, most: int) -> Iterator[Block]:
    """Both levels, incidents, and the ``most`` frequent failures of each level, for the weekly report."""
    reason = investigation.unknown("levels")
    yield unknown_paragraph(reason) if reason else _levels(investigation)
    if investigation.unknown("windows", "messages"):
        yield unknown_paragraph(investigation.unknown("windows", "messages"))
        return
    yield from _incidents(investigation, timezone)
    for level in LEVELS:
        if investigation.at(level):
            listing = _fingerprints(investigation, level, timezone)
            columns = tuple(name for name in listing.table.names if name not in ("owner", "last_at"))
            yield replace(listing, limit=most, columns=columns)


def _listing(
    rows: list[Row],
    fields: dict[str, Field],
    investigation: Investigation,
    timezone: str = "UTC",
    limit: int | None = None,
) -> Listing:
    columns = tuple(Column(name, _TYPES.get(name, "VARCHAR")) for name in fields)
    return Listing(Table(columns, rows, as_of=investigation.as_of, timezone=timezone), fields=fields, limit=limit)


def _headed(heading: str, listing: Listing) -> Listing:
    return Listing(listing.table, heading, listing.fields, listing.columns, listing.limit)


def _levels(investigation: Investigation) -> Listing:
    rows: list[Row] = [
        (
            _NAMES[level.name] + (_any_tool(investigation) if level.name == "workflow" else ""),
            level.finished,
            level.failed,
            success(level),
            *([] if investigation.person else [f"{number(level.people_failed)} of {number(level.people)}"]),
        )
        for level in investigation.levels.values()
    ]
    fields = {
        "level": Field("Level"),
        "finished": Field("Finished", "number"),
        "failed": Field("Failed", "number"),
        "success": Field("Success", "bar", full=1.0),
        **({} if investigation.person else {"whom": Field("People with failures", align="right")}),
    }
    return _listing(rows, fields, investigation)


def _any_tool(investigation: Investigation) -> str:
    """A suffix for figures that --tool does not narrow, because runs have no tool."""
    return ", with any tool" if investigation.tools else ""


def _incidents(investigation: Investigation, timezone: str) -> Iterator[Block]:
    test = (
        f"{number(investigation.stretches)} stretches of 1 to 24 hours tested; where there is no incident, "
        f"at most {percent(FALSE_ALARMS)} of such windows show one, if {CONDITION}"
    )
    if not investigation.incidents:
        yield Paragraph(f"No platform incident: people do not fail together more than by chance ({test})")
        return
    rows: list[Row] = [_incident(incident, investigation, timezone) for incident in investigation.incidents]
    fields = {
        "when": Field("When"),
        "level": Field("Level"),
        "what": Field("What"),
        "people": Field("People hit", "number"),
        "failures": Field("Failed", "number"),
        **({"own": Field("Hit them")} if investigation.person else {}),
        "evidence": Field("Evidence", "text", grows=True),
    }
    yield _headed("Platform incidents, of everybody, each as a whole", _listing(rows, fields, investigation))
    yield Paragraph(test, "dim")


def _incident(incident: Incident, investigation: Investigation, timezone: str) -> Row:
    own = ["yes" if investigation.person in incident.people else "no"] if investigation.person else []
    return (
        span(incident, timezone),
        incident.level,
        incident.cause,
        len(incident.people),
        incident.failed,
        *own,
        _evidence(incident.full_stretch),
    )


def _evidence(stretch: Stretch) -> str:
    expected = min(stretch.expected, stretch.people)
    return f"{stretch.people_failed} of {stretch.people} people failed of any cause, {expected:.1f} expected"


def _fingerprints(investigation: Investigation, level: str, timezone: str) -> Listing:
    fields = {
        "cause": Field("Cause"),
        "category": Field("Category", "tag"),
        "owner": Field("Owner"),
        "failures": Field("Failed", "number"),
        **({} if investigation.person else {"people": Field("People", "number")}),
        "last_at": Field("Last", "when"),
        "sample": Field("Sample", "text", grows=True),
    }
    rows: list[Row] = [tuple(_cells(fingerprint)[name] for name in fields) for fingerprint in investigation.at(level)]
    heading = f"{_NAMES[level].split(':')[0]}: what failed {NOUNS[level]}s say"
    heading += _any_tool(investigation) if level == "workflow" else ""
    return _headed(heading, _listing(rows, fields, investigation, timezone, limit=10))


def _cells(fingerprint: Fingerprint) -> dict[str, object]:
    sample = fingerprint.sample.split(" ⏎ ")[0]
    return {
        "cause": fingerprint.cause.label if fingerprint.cause.known else UNKNOWN,
        "category": fingerprint.cause.category if fingerprint.cause.known else "?",
        "owner": fingerprint.cause.owner or "?",
        "failures": fingerprint.failures,
        "people": len(fingerprint.people),
        "last_at": fingerprint.last_at,
        "sample": f"{fingerprint.tool}: {sample}" if fingerprint.tool else sample,
    }


def _unknown(investigation: Investigation) -> Iterator[Paragraph]:
    unknown = sum(not fingerprint.cause.known for fingerprint in investigation.fingerprints)
    if unknown:
        yield Paragraph(
            f"No rule knows {plural(unknown, 'fingerprint')}. "
            "A line in failures.yaml of your workspace makes one known: "
            "rules: [{match: 'words of the message', category: user_code, label: What it is}]",
            "dim",
        )


def _categories(investigation: Investigation) -> Listing:
    rows: list[Row] = []
    for name, owner, counts in by_category(investigation):
        row: list[object] = [name, owner or "?"]
        for level in LEVELS:
            failed = investigation.levels[level].failed
            row += [counts[level], counts[level] / failed if failed else None]
        rows.append(tuple(row))
    fields = {"category": Field("Category", "tag"), "owner": Field("Owner")}
    for level in LEVELS:
        fields |= {
            f"{level}_failed": Field(
                f"Failed {NOUNS[level]}s" + (_any_tool(investigation) if level == "workflow" else ""), "number"
            ),
            f"{level}_share": Field("Share", "percent"),
        }
    return _headed("Whose they are", _listing(rows, fields, investigation))


def _kinds(investigation: Investigation) -> Listing:
    fields = {
        "kind": Field("Kind"),
        "calls": Field("Calls", "number"),
        "share": Field("Share", "percent"),
        "failed": Field("Failed", "number"),
        "success_rate": Field("Success", "bar", full=1.0),
        **({} if investigation.person else {"users": Field("People", "number")}),
    }
    heading = f"MCP tools versus default tools{', all of them' if investigation.tools else ''}"
    return Listing(investigation.kinds, heading, fields=fields, columns=tuple(fields))


def _timeline(investigation: Investigation, timezone: str) -> Iterator[Block]:
    days = days_of_runs(investigation, timezone)
    failing = sum(failed > 0 for _, _, failed in days)
    clean = sum(finished > 0 and not failed for _, finished, failed in days)
    summary = f"{number(sum(failed for *_, failed in days))} on {plural(failing, 'day')}"
    summary += f", {plural(clean, 'day')} of 100 % success" if investigation.person else ""
    yield Spark(f"Failed runs per day{_any_tool(investigation)}", [failed for *_, failed in days], summary)
    if investigation.contrasts:
        rows: list[Row] = [_contrast(contrast) for contrast in investigation.contrasts]
        fields = {"person": Field("Person"), "clean": Field("Days of 100 % success"), "why": Field("Failures")}
        yield _headed(
            f"Likely platform, not user code{_any_tool(investigation)}", _listing(rows, fields, investigation, limit=5)
        )


def _contrast(contrast: Contrast) -> Row:
    why = (
        f"{contrast.struck} of {plural(contrast.failed, 'failed run')} in incidents"
        if 2 * contrast.struck >= contrast.failed
        else f"{contrast.worst.failed} of {contrast.failed} on {contrast.worst.day.day} {contrast.worst.day:%b}"
    )
    return (contrast.person, f"{contrast.clean}, with {plural(contrast.clean_runs, 'run')}", why)


def _checklist(investigation: Investigation, timezone: str) -> Listing:
    rows: list[Row] = [
        (at, point, result) for at, (point, result) in enumerate(checklist(investigation, timezone), start=1)
    ]
    fields = {"n": Field(" "), "checked": Field("Checked"), "found": Field("Found", "text", grows=True)}
    return _headed("Checklist", _listing(rows, fields, investigation))


def _unused(unused: Unused, timezone: str) -> Document:
    fields = {"tool": Field("Tool"), "calls": Field("Calls", "number")}
    table = Table((Column("tool"), Column("calls", "BIGINT")), list(unused.tools.items()))
    used = Listing(table, "Tools they do use", fields=fields, limit=10)
    calls = plural(sum(unused.tools.values()), "tool call")
    reason = f"none of {calls} up to now went to a tool of that name, so nothing was investigated"
    suggestion = did_you_mean(unused.tool, unused.tools)
    return Document(
        title=f"{unused.person} does not use '{unused.tool}'",
        subtitle=moment(unused.as_of, timezone),
        blocks=(
            Paragraph(f"{reason}; {suggestion}" if suggestion else reason),
            *([used] if unused.tools else []),
        ),
        data=lambda: {
            "as_of": unused.as_of,
            "timezone": timezone,
            "person": unused.person,
            "tool": unused.tool,
            "used": False,
            "tools_used": dict(unused.tools),
        },
        table=Table(COLUMNS, [], name="failures", as_of=unused.as_of, timezone=timezone),
        timezone=timezone,
        as_of=unused.as_of,
    )
