"""Violations of the plan that the embedded server has counted, as a document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Facts, Field, Paragraph
from usertrack.core.errors import CheckFailed, UsageError
from usertrack.core.period import as_stored
from usertrack.core.table import Table
from usertrack.core.words import number, plural
from usertrack.engine.runner import Runner
from usertrack.plan.conform import MESSAGES
from usertrack.plan.finding import SEVERITIES, Severity
from usertrack.render.safe import visible

_PATH = "usertrack/live-check/"


@dataclass(frozen=True)
class CountedViolation:
    """The count of a broken rule by a version of an SDK. ``property`` is empty when the event as a whole is meant.

    ``of`` is whose property it is: event, person or group. Times are ISO 8601, UTC.
    """

    severity: Severity
    rule: str
    event: str
    property: str
    of: str
    library: str
    version: str
    count: int
    first_seen: str
    last_seen: str


@dataclass(frozen=True)
class LiveCheckReport:
    """``violations`` of the ``checked`` events since a moment, the worst first. Without a ``plan`` none is checked now.

    ``problem`` is why a plan that was changed is not read; ``document`` is the server's answer.
    """

    plan: str | None
    problem: str | None
    checked: int
    since: str | None
    violations: Sequence[CountedViolation]
    document: Mapping[str, Any]

    def of_severity(self, least: Severity) -> list[CountedViolation]:
        """The violations that are ``least`` or worse."""
        counting = SEVERITIES[: SEVERITIES.index(least) + 1]
        return [violation for violation in self.violations if violation.severity in counting]


def ask_live_check(runner: Runner, *, reset: bool = False) -> LiveCheckReport:
    """Ask the server for its counts; with ``reset`` it begins anew. Raises UsageError when it is PostHog's own."""
    if not runner.call("GET", "").get("usertrack_live_check"):
        hint = "name the data of an embedded server with --data, or set POSTHOG_HOST to its address"
        raise UsageError("this PostHog has no live check: that is of `usertrack serve --plan`", hint)
    answer = runner.call("DELETE" if reset else "GET", _PATH)
    names = [field.name for field in fields(CountedViolation)]
    violations = [CountedViolation(**{name: row[name] for name in names}) for row in answer["violations"]]
    return LiveCheckReport(
        answer["plan"],
        answer["problem"],
        answer["checked"],
        answer["since"],
        sorted(violations, key=lambda violation: SEVERITIES.index(violation.severity)),
        answer,
    )


def _moment(text: str) -> datetime:
    return as_stored(datetime.fromisoformat(text))


def _whose(violation: CountedViolation) -> str:
    return violation.property if violation.of == "event" else f"{violation.property} of a {violation.of}"


def _sdk(violation: CountedViolation) -> str:
    return f"{violation.library} {violation.version}".strip()


_VIOLATIONS: Columns[CountedViolation] = Columns(
    Attribute("severity", "VARCHAR", field=Field(kind="tag")),
    Attribute("rule", "VARCHAR", field=Field()),
    Attribute("event", "VARCHAR", field=Field(grows=True)),
    Attribute("property", "VARCHAR", lambda violation: violation.property or None, Field(), _whose),
    Attribute("of", "VARCHAR"),
    Attribute("library", "VARCHAR", lambda violation: violation.library or None),
    Attribute("version", "VARCHAR", lambda violation: violation.version or None, Field("SDK", spare=True), _sdk),
    Attribute("count", "BIGINT", field=Field("Events", "number")),
    Attribute("first_seen", "TIMESTAMP", lambda violation: _moment(violation.first_seen)),
    Attribute(
        "last_seen", "TIMESTAMP", lambda violation: _moment(violation.last_seen), Field("Last seen", "when", spare=True)
    ),
)


def live_check_document(report: LiveCheckReport, timezone: str, now: datetime) -> Document:
    """A line for each violation. JSON is the server's answer, with the samples."""
    since = f"since {_moment(report.since):%Y-%m-%d %H:%M:%S} UTC" if report.since else "no event has been checked"
    notes = [
        *(["the server checks no plan now: `usertrack serve --plan FILE` does"] if report.plan is None else []),
        *([f"the plan was changed and is not read: {report.problem}"] if report.problem else []),
    ]
    in_order = "all that was sent is as the plan says" if report.checked else "nothing was sent"
    moment = as_stored(now)
    listing = _VIOLATIONS.listing(report.violations, limit=0, timezone=timezone, as_of=moment)
    title = f"{plural(len(report.violations), 'violation')} in {number(report.checked)} checked events"
    rules = {violation.rule for violation in report.violations}
    return Document(
        title=title,
        subtitle=" · ".join(filter(None, [report.plan, since])),
        blocks=(
            *((listing,) if report.violations else (Paragraph(in_order),)),
            *((Facts(tuple((rule, MESSAGES[rule]) for rule in MESSAGES if rule in rules)),) if rules else ()),
        ),
        notes=tuple(notes),
        data=lambda: report.document,
        table=_VIOLATIONS.table(
            report.violations, "violations", source=Table((), (), title=title), timezone=timezone, as_of=moment
        ),
        timezone=timezone,
        as_of=moment,
    )


def raise_violations(report: LiveCheckReport, least: Severity) -> None:
    """Raise CheckFailed for violations that are ``least`` or worse, and when nothing was checked at all."""
    if not report.checked:
        hint = "send events to it first, or ask the one that they went to: --data, POSTHOG_HOST"
        raise CheckFailed("no event has reached this server since it checks a plan", hint)
    if violations := report.of_severity(least):
        count = sum(violation.count for violation in violations)
        often = f", {number(count)} times in all" if count > len(violations) else ""
        raise CheckFailed(f"{plural(len(violations), 'violation')} of the plan{often}", _ADVICE)


_ADVICE = "mend the code or the plan, then begin anew with `usertrack plan live-check --reset`"


def changes(before: LiveCheckReport, after: LiveCheckReport) -> list[CountedViolation]:
    """The violations that were counted between two reports, each with how often."""
    counts = {_kind(violation): violation.count for violation in before.violations}
    grown = [(violation, violation.count - counts.get(_kind(violation), 0)) for violation in after.violations]
    return [replace(violation, count=more if more > 0 else violation.count) for violation, more in grown if more]


def _kind(violation: CountedViolation) -> tuple[str, ...]:
    return tuple(getattr(violation, name) for name in ("rule", "event", "property", "of", "library", "version"))


def line(violation: CountedViolation) -> str:
    """A violation on one line, whatever its names are."""
    subject = f"{violation.event}: {_whose(violation)}" if violation.property else violation.event
    time = f"{_moment(violation.last_seen):%H:%M:%S}"
    return visible(f"{time} {violation.severity:7} {violation.rule:18} {subject} ×{violation.count} {_sdk(violation)}")
