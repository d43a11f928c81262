"""A failure investigation as a document. The two levels are side by side; no number mixes them."""

from collections.abc import Iterator
from dataclasses import replace

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Document, Field, Listing, Paragraph, Spark
from usertrack.core.errors import did_you_mean
from usertrack.core.period import in_zone, moment
from usertrack.core.sections import unknown_paragraph
from usertrack.core.source_names import TABLES
from usertrack.core.words import number, people_words, plural
from usertrack.failures.bursts import CONDITION, FALSE_ALARMS, Incident, Stretch
from usertrack.failures.checklist import NOUNS, OwnedFailures, by_category, by_owner, checklist, percent, span
from usertrack.failures.days import Contrast
from usertrack.failures.export import FINGERPRINTS, LEVEL_COLUMNS, days_of_runs, fingerprints_table, investigation_json
from usertrack.failures.investigation import Investigation, Level, Unused
from usertrack.library.causes import NO_RULE, UNKNOWN
from usertrack.library.masking import NO_MESSAGE
from usertrack.library.own_words import OwnWords

_NAMES = {"workflow": "{Workflow} level: {runs}", "tool": "{Tool} level: {calls}"}
_CHECKLIST: Columns[tuple[int, tuple[str, str]]] = Columns(
    Attribute("n", "BIGINT", lambda row: row[0], Field(" ")),
    Attribute("checked", "VARCHAR", lambda row: row[1][0], Field("Checked")),
    Attribute("found", "VARCHAR", lambda row: row[1][1], Field("Found", "text", grows=True)),
)


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
        yield from (
            _fingerprints(investigation, level, timezone) for level in investigation.levels if investigation.at(level)
        )
        yield from _unknown(investigation)
        yield _categories(investigation)
    if investigation.kinds.columns and investigation.has_kinds and not investigation.unknown("kinds"):
        yield _kinds(investigation)
    if not investigation.unknown("workflow", "days"):
        days = days_of_runs(investigation, timezone)
        failing = sum(failed > 0 for _, _, failed in days)
        clean = sum(finished > 0 and not failed for _, finished, failed in days)
        summary = f"{number(sum(failed for *_, failed in days))} on {plural(failing, 'day')}"
        summary += f", {plural(clean, 'day')} of 100 % success" if investigation.person else ""
        words = investigation.words
        yield Spark(words("Failed {runs} per day") + _any_tool(investigation), [failed for *_, failed in days], summary)
        if investigation.contrasts:
            heading = f"Likely platform, not user code{_any_tool(investigation)}"
            yield _contrasts(words).listing(investigation.contrasts, heading, limit=5, as_of=investigation.as_of)
    yield _checklist(investigation, timezone)


def weekly_blocks(investigation: Investigation, timezone: str, most: int) -> Iterator[Block]:
    """Both levels, incidents, and the ``most`` frequent failures of each level, for the weekly report."""
    reason = investigation.unknown("levels")
    yield unknown_paragraph(reason) if reason else _levels(investigation)
    if investigation.unknown("windows", "messages"):
        yield unknown_paragraph(investigation.unknown("windows", "messages"))
        return
    yield from _incidents(investigation, timezone)
    for level in investigation.levels:
        if investigation.at(level):
            listing = _fingerprints(investigation, level, timezone)
            columns = tuple(name for name in listing.table.names if name not in ("owner", "last_at"))
            yield replace(listing, limit=most, columns=columns)


def owner_blocks(investigation: Investigation, timezone: str) -> Iterator[Block]:
    """Each incident in a sentence, and what failed by who is to mend it, for the short weekly report."""
    if reason := investigation.unknown("windows", "messages"):
        yield unknown_paragraph(reason)
        return
    for incident in investigation.incidents:
        yield Paragraph(
            f"{incident.cause}, {span(incident, timezone)}: {people_words(len(incident.people))} hit by it; "
            f"{_evidence(incident.full_stretch)}",
            "bold",
        )
    if not investigation.incidents:
        yield Paragraph("No platform incident: people do not fail together more than by chance")
    columns: Columns[OwnedFailures] = Columns(
        Attribute("owner", "VARCHAR", lambda row: row.owner or None, Field("Whose"), lambda row: row.owner or NO_RULE),
        *(_owned(investigation, level) for level in investigation.levels),
        Attribute(
            "causes",
            "VARCHAR",
            lambda row: " · ".join(f"{label} {number(count)}" for label, count in row.causes[:3]),
            Field("Most often", "text", grows=True),
        ),
    )
    if rows := by_owner(investigation):
        yield columns.listing(rows, as_of=investigation.as_of)
    if silent := sum(
        fingerprint.failures for fingerprint in investigation.at("workflow") if fingerprint.text == NO_MESSAGE
    ):
        failed = plural(silent, investigation.words("failed {run}"), investigation.words("failed {runs}"))
        yield Paragraph(f"{failed} without a message: `error` in {TABLES}/runs.sql is the column that has it", "dim")


def _owned(investigation: Investigation, level: str) -> Attribute[OwnedFailures]:
    label = investigation.words(f"Failed {{{NOUNS[level]}s}}")
    return Attribute(f"{level}_failed", "BIGINT", lambda row: row.failures[level], Field(label, "number"))


def _levels(investigation: Investigation) -> Listing:
    people: Attribute[Level] = Attribute(
        "whom",
        "VARCHAR",
        lambda level: f"{number(level.people_failed)} of {number(level.people)}",
        Field("People with failures", align="right"),
    )
    columns: Columns[Level] = Columns(
        Attribute(
            "level",
            "VARCHAR",
            lambda level: investigation.words(_NAMES[level.name]) + _any_tool(investigation, level.name),
            Field("Level"),
        ),
        *LEVEL_COLUMNS.attributes,
        *(() if investigation.person else (people,)),
    )
    return columns.listing(investigation.levels.values(), as_of=investigation.as_of)


def _any_tool(investigation: Investigation, level: str = "workflow") -> str:
    """A suffix for figures that --tool does not narrow, because runs have no tool."""
    return investigation.words(", with any {tool}") if investigation.tools and level == "workflow" else ""


def _incidents(investigation: Investigation, timezone: str) -> Iterator[Block]:
    test = (
        f"{number(investigation.stretches)} stretches of 1 to 24 hours tested; where there is no incident, "
        f"at most {percent(FALSE_ALARMS)} of such windows show one, if {CONDITION}"
    )
    if not investigation.incidents:
        yield Paragraph(f"No platform incident: people do not fail together more than by chance ({test})")
        return
    own: Attribute[Incident] = Attribute(
        "own", "VARCHAR", lambda incident: "yes" if investigation.person in incident.people else "no", Field("Hit them")
    )
    columns: Columns[Incident] = Columns(
        Attribute("when", "VARCHAR", lambda incident: span(incident, timezone), Field("When")),
        Attribute("level", "VARCHAR", lambda incident: investigation.words(f"{{{incident.level}}}"), Field("Level")),
        Attribute("what", "VARCHAR", "cause", Field("What")),
        Attribute("people", "BIGINT", lambda incident: len(incident.people), Field("People hit", "number")),
        Attribute("failures", "BIGINT", "failed", Field("Failed", "number")),
        *((own,) if investigation.person else ()),
        Attribute(
            "evidence",
            "VARCHAR",
            lambda incident: _evidence(incident.full_stretch),
            Field("Evidence", "text", grows=True),
        ),
    )
    heading = "Platform incidents, of everybody, each as a whole"
    yield columns.listing(investigation.incidents, heading, as_of=investigation.as_of)
    yield Paragraph(test, "dim")


def _evidence(stretch: Stretch) -> str:
    failed = f"{stretch.people_failed} of {stretch.people} people active then failed of any cause"
    return f"{failed}, {stretch.expected_people:.1f} usually"


def _fingerprints(investigation: Investigation, level: str, timezone: str) -> Listing:
    left_out = {"people"} if investigation.person else set()
    columns = Columns(*(attribute for attribute in FINGERPRINTS.attributes if attribute.name not in left_out))
    heading = investigation.words(f"{_NAMES[level].split(':')[0]}: what failed {{{NOUNS[level]}s}} say")
    heading += _any_tool(investigation, level)
    rows = investigation.at(level)
    return columns.listing(rows, heading, limit=10, timezone=timezone, as_of=investigation.as_of)


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
    columns: Columns[tuple[str, str, dict[str, int]]] = Columns(
        Attribute(
            "category",
            "VARCHAR",
            lambda row: row[0],
            Field("Category", "tag"),
            lambda row: NO_RULE if row[0] == UNKNOWN else row[0],
        ),
        Attribute("owner", "VARCHAR", lambda row: row[1] or None, Field("Owner"), lambda row: row[1] or "nobody yet"),
        *(attribute for level in investigation.levels for attribute in _category_counts(investigation, level)),
    )
    return columns.listing(by_category(investigation), "Whose they are", as_of=investigation.as_of)


def _category_counts(
    investigation: Investigation, level: str
) -> tuple[Attribute[tuple[str, str, dict[str, int]]], Attribute[tuple[str, str, dict[str, int]]]]:
    failed = investigation.levels[level].failed
    label = investigation.words(f"Failed {{{NOUNS[level]}s}}") + _any_tool(investigation, level)
    return (
        Attribute(f"{level}_failed", "BIGINT", lambda row: row[2][level], Field(label, "number")),
        Attribute(
            f"{level}_share",
            "DOUBLE",
            lambda row: row[2][level] / failed if failed else None,
            Field("Share", "percent"),
        ),
    )


def _kinds(investigation: Investigation) -> Listing:
    fields = {
        "kind": Field("Kind"),
        "calls": Field(investigation.words("{Calls}"), "number"),
        "share": Field("Share", "percent"),
        "failed": Field("Failed", "number"),
        "success_rate": Field("Success", "bar", full=1.0),
        **({} if investigation.person else {"users": Field("People", "number")}),
    }
    heading = investigation.words("MCP {tools} versus default {tools}" if investigation.has_mcp else "{Tools} by kind")
    heading += ", all of them" if investigation.tools else ""
    return Listing(investigation.kinds, heading, fields=fields, columns=tuple(fields))


def _contrasts(words: OwnWords) -> Columns[Contrast]:
    def clean(contrast: Contrast) -> str:
        return f"{contrast.clean}, with {plural(contrast.clean_runs, words['run'], words['runs'])}"

    return Columns(
        Attribute("person", "VARCHAR", field=Field("Person")),
        Attribute("clean", "VARCHAR", clean, Field("Days of 100 % success")),
        Attribute("why", "VARCHAR", lambda contrast: _reason(contrast, words), Field("Failures")),
    )


def _reason(contrast: Contrast, words: OwnWords) -> str:
    if 2 * contrast.in_incidents >= contrast.failed:
        failed = plural(contrast.failed, words("failed {run}"), words("failed {runs}"))
        return f"{contrast.in_incidents} of {failed} in incidents"
    return f"{contrast.worst.failed} of {contrast.failed} on {contrast.worst.day.day} {contrast.worst.day:%b}"


def _checklist(investigation: Investigation, timezone: str) -> Listing:
    rows = enumerate(checklist(investigation, timezone), start=1)
    return _CHECKLIST.listing(rows, "Checklist", as_of=investigation.as_of)


def _unused(unused: Unused, timezone: str) -> Document:
    words = unused.words
    tools: Columns[tuple[str, int]] = Columns(
        Attribute("tool", "VARCHAR", lambda row: row[0], Field(words("{Tool}"))),
        Attribute("calls", "BIGINT", lambda row: row[1], Field(words("{Calls}"), "number")),
    )
    used = tools.listing(unused.tools.items(), words("{Tools} they do use"), limit=10)
    calls = plural(sum(unused.tools.values()), words["tool_call"], words["tool_calls"])
    reason = f"none of {calls} up to now went to {words('{a tool}')} of that name, so nothing was investigated"
    suggestion = did_you_mean(unused.tool, unused.tools)
    return Document(
        title=f"{unused.person} does not use '{unused.tool}'",
        subtitle=moment(unused.as_of, timezone),
        blocks=(Paragraph(f"{reason}; {suggestion}" if suggestion else reason), *([used] if unused.tools else [])),
        data=lambda: {
            "as_of": unused.as_of,
            "timezone": timezone,
            "person": unused.person,
            "tool": unused.tool,
            "used": False,
            "tools_used": dict(unused.tools),
        },
        table=FINGERPRINTS.table([], "failures", timezone=timezone, as_of=unused.as_of),
        timezone=timezone,
        as_of=unused.as_of,
    )
