"""A failure investigation: asks Postgres what failed on each level, why and for whom, and finds incidents."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from usertrack.core.errors import QueryError, UsageError, UsertrackError, did_you_mean, is_unknown
from usertrack.core.source_names import POSTGRES
from usertrack.core.table import Row, Table
from usertrack.engine.runner import Answer, Runner
from usertrack.failures.bursts import Failure, Incident, Stretch, incidents, tested, unlikely, with_full_stretches
from usertrack.failures.days import Contrast, RunDay, contrasts
from usertrack.library.causes import LEVELS, Catalogue, Cause
from usertrack.library.masking import fingerprint, redacted
from usertrack.library.own_words import PLAIN, OwnWords
from usertrack.segments.explain import find_person
from usertrack.segments.profiles import build_profiles
from usertrack.segments.rules import Rules

EVER = 36_500  # days
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Fingerprint:
    """All failures of a level (at tool level also of a tool) with the same message; the sample is the latest one."""

    level: str
    cause: Cause
    text: str
    tool: str
    provider: str
    failures: int = 0
    people: set[str] = field(default_factory=set)
    first_at: datetime = datetime.max
    last_at: datetime = datetime.min
    sample: str = ""


@dataclass(frozen=True)
class Level:
    """Counts of what finished and failed on a level; ``unknown`` are outcomes that usertrack does not know.

    ``nameless`` of the ``people`` have no account, or one that was deleted.
    """

    name: str
    finished: int = 0
    failed: int = 0
    people: int = 0
    people_failed: int = 0
    unfinished: int = 0
    unknown: tuple[str, ...] = ()
    nameless: int = 0

    @property
    def success_rate(self) -> float | None:
        return 1 - self.failed / self.finished if self.finished else None


@dataclass(frozen=True)
class Unused:
    """The answer for a ``person`` who never called ``tool``; ``tools`` are those that they called, with the counts."""

    person: str
    tool: str
    tools: Mapping[str, int]
    as_of: datetime
    words: OwnWords = PLAIN


@dataclass(frozen=True)
class Investigation:
    """``person`` and ``tools`` narrow all of it but the incidents, which are always those of everybody.

    ``used`` are calls by tool: all calls of the person; without a person, everybody's in the window (ever with a tool).
    ``stretches`` is how many the burst test tested. ``missing`` are the parts (levels, kinds, messages, days, windows,
    used) whose query failed, with the reason: the fields that need them are empty, and unknown. A level is missing as a
    whole where its entity cannot be read. Where calls have no column for the kind of tool, ``has_kinds`` is false and
    ``kinds`` empty.
    """

    as_of: datetime
    days: int
    person: str
    tools: tuple[str, ...]
    levels: Mapping[str, Level]
    fingerprints: tuple[Fingerprint, ...]
    incidents: tuple[Incident, ...]
    stretches: int
    kinds: Table
    used: Mapping[str, int]
    by_day: tuple[tuple[str, RunDay], ...]
    contrasts: tuple[Contrast, ...]
    catalogue: Catalogue
    notes: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    has_kinds: bool = True
    begins: datetime = BEGINNING
    words: OwnWords = PLAIN

    def unknown(self, *parts: str) -> str:
        """Why a figure that needs ``parts`` is unknown; empty when it is known."""
        return "; ".join(dict.fromkeys(self.missing[part] for part in parts if part in self.missing))

    @property
    def has_mcp(self) -> bool:
        """Whether any of the calls is one of an MCP tool."""
        return any(row["kind"] == "mcp" for row in self.kinds.dicts())

    @property
    def since(self) -> datetime:
        return max(self.as_of - timedelta(days=self.days), self.begins)

    def at(self, level: str) -> list[Fingerprint]:
        return [fingerprint for fingerprint in self.fingerprints if fingerprint.level == level]


def spellings_of_account(runner: Runner, name: str) -> list[str]:
    """The e-mail of the account called ``name``, and other spellings of it that Postgres has.

    Raises UsageError with near matches. It does not ask PostHog.
    """
    rules = Rules(Path("segments.yaml"), "email", {f"{POSTGRES}/accounts": {}}, (), {})
    profiles = build_profiles(runner, rules, only=name)
    find_person(profiles if profiles.people else build_profiles(runner, rules), name, "with an account")
    return profiles.spellings


def investigate(
    runner: Runner, *, person: Sequence[str] = (), tool: str = "", days: int = 30, since: datetime = BEGINNING
) -> Investigation | Unused:
    """Ask Postgres everything. ``person`` is what `account_named` returns.

    Levels, messages and stretches are those of the last ``days``, and not from before ``since`` (UTC).

    Returns ``Unused`` when the person never called the tool. A query that fails leaves its part ``missing``. Raises
    UsageError for a tool that nobody ever called, and the error of Postgres if no query was answered, or if the tool
    cannot be looked up.
    """
    missing: dict[str, str] = {}
    email, person = next(iter(person), ""), list(person)
    try:
        used = _used(runner, person, EVER if tool else days)
    except UsertrackError as error:
        if tool:
            raise
        used = {}
        missing |= {"used": error.message} if is_unknown(error) else {}
    tools = tools_named(list(used), tool) if tool else []
    if tool and not tools:
        _require_known_tool(runner, person, tool)
        return Unused(email, tool, used, runner.as_of, runner.library.words)
    catalogue = runner.library.catalogue
    filters = {"person": person, "days": days, "tools": tools, "since": since}
    kinds = (
        (f"{POSTGRES}/user_tool_kinds", {"email": person, "days": days})
        if person
        else (f"{POSTGRES}/tool_kinds", {"days": days})
    )
    has_kinds = not runner.library[kinds[0]].absence.of("kind")
    queries = {
        "levels": (f"{POSTGRES}/failure_levels", filters),
        **({"kinds": kinds} if has_kinds else {}),
        "messages": (f"{POSTGRES}/failure_messages", filters),
        "days": (f"{POSTGRES}/failure_days", {"person": person, "days": days}),
        "windows": (f"{POSTGRES}/failure_windows", {"days": days, "since": since}),
    }
    answers = dict(zip(queries, runner.run([runner.bind(*query) for query in queries.values()]), strict=True))
    if lost := _lost_levels(runner, answers.values()):
        known = runner.reading(runner.library.without([LEVELS[level] for level in lost]))
        rest = investigate(known, person=person, tool=tool, days=days, since=since)
        return _with_lost(rest, lost) if isinstance(rest, Investigation) else rest
    parts = _tables(answers, missing)
    stretches = [Stretch(*row) for row in parts["windows"].rows]
    fingerprints, failures = group_failures(catalogue, parts["messages"].rows)
    if (person or tools) and unlikely(stretches):
        all_messages = runner.bind(f"{POSTGRES}/failure_messages", {"days": days, "since": since})
        failures = group_failures(catalogue, runner.table(all_messages).rows)[1]
        failures = [replace(error, person=email) if error.person in person else error for error in failures]
    run_days = [(str(row[0] or ""), RunDay(*row[1:])) for row in parts["days"].rows]
    window = {"days": days, "since": since}
    platform_incidents = _with_full_stretches(runner, incidents(stretches, failures), stretches, window)
    levels = {row[0]: Level(*(*row[:6], tuple(row[6]), row[7])) for row in parts["levels"].rows}
    return Investigation(
        as_of=runner.as_of,
        days=days,
        person=email,
        tools=tuple(tools),
        levels={
            name: levels.get(name, Level(name))
            for name, entity in LEVELS.items()
            if entity in runner.library.entities.present
        },
        fingerprints=tuple(fingerprints),
        incidents=tuple(platform_incidents),
        stretches=len(tested(stretches)),
        kinds=_in_memory(parts["kinds"]) if has_kinds else Table((), []),
        used=used,
        by_day=tuple(run_days),
        contrasts=tuple(contrasts(run_days, _failures_in_incidents(platform_incidents, failures))),
        catalogue=catalogue,
        notes=tuple(dict.fromkeys([*_notes(levels.values(), runner.library.words), *missing.values()])),
        missing=missing,
        has_kinds=has_kinds,
        begins=since,
        words=runner.library.words,
    )


def _in_memory(table: Table) -> Table:
    """A small table, copied from disk to memory, so that it outlives the run."""
    return replace(table, rows=list(table.rows))


def tools_named(known: Sequence[str], search: str) -> list[str]:
    """The tool called ``search``, else every tool whose name contains it; in any case, without wildcards."""
    text = search.strip().lower()
    exact = [name for name in known if name.lower() == text]
    return exact or sorted(name for name in known if text and text in name.lower())


def _used(runner: Runner, person: Sequence[str], days: int) -> dict[str, int]:
    """Calls of each tool, most used first: all calls of the person, or everybody's within ``days``."""
    name, params = ("user_tool_use", {"email": list(person), "tool": ""}) if person else ("top_tools", {"days": days})
    calls: Counter[str] = Counter()
    for row in runner.table(runner.bind(f"{POSTGRES}/{name}", params)).dicts():
        calls[row["tool"]] += row["uses" if person else "calls"]
    return dict(calls)


def _require_known_tool(runner: Runner, person: Sequence[str], tool: str) -> None:
    """Raise UsageError when nobody ever called such a tool: then it is misspelt."""
    known = list(_used(runner, [], EVER)) if person else []
    if not tools_named(known, tool):
        known = known or list(_used(runner, [], EVER))
        hint = f"{len(known)} tools are known: `usertrack query run top_tools -p days={EVER}`"
        raise UsageError(f"nobody ever called a tool named '{tool}'", did_you_mean(tool, known, hint))


def _lost_levels(runner: Runner, answers: Iterable[Answer]) -> dict[str, str]:
    """Why a level cannot be read, while the other one may be; empty where all can be, or none."""
    reasons = {answer.entity: answer.message for answer in answers if isinstance(answer, QueryError)}
    lost = {level: reasons[entity] for level, entity in LEVELS.items() if entity in reasons}
    present = [level for level, entity in LEVELS.items() if entity in runner.library.entities.present]
    return lost if len(lost) < len(present) else {}


def _with_lost(investigation: Investigation, lost: Mapping[str, str]) -> Investigation:
    notes = dict.fromkeys([*investigation.notes, *lost.values()])
    return replace(investigation, missing={**investigation.missing, **lost}, notes=tuple(notes))


def _tables(answers: Mapping[str, Answer], missing: dict[str, str]) -> dict[str, Table]:
    """The answer to each part; an empty table, and the reason in ``missing``, for an error. Raises if all failed.

    What rests on runs or calls that are not here is empty, and not missing.
    """
    errors = {part: answer for part, answer in answers.items() if isinstance(answer, UsertrackError)}
    if len(errors) == len(answers):
        raise next(iter(errors.values()))
    missing |= {part: error.message for part, error in errors.items() if is_unknown(error)}
    return {part: answer if isinstance(answer, Table) else Table((), []) for part, answer in answers.items()}


def group_failures(catalogue: Catalogue, rows: Iterable[Row]) -> tuple[list[Fingerprint], list[Failure]]:
    """Fingerprints, most failures first, and every single failure. ``rows`` are those of `failure_messages`."""
    groups: dict[tuple[str, str, str], Fingerprint] = {}
    samples: dict[tuple[str, str, str], str] = {}
    failures = []
    for level, person, at, tool, provider, error_type, message, credits in rows:  # noqa: A001
        text = fingerprint(message or "", error_type or "", credits)
        key = (level, tool or "", text)
        if (group := groups.get(key)) is None:
            cause = catalogue.cause_of(level, text, tool=tool or "", provider=provider or "")
            group = groups[key] = Fingerprint(level, cause, text, tool or "", provider or "")
        group.failures += 1
        group.people.add(person)
        group.first_at = min(group.first_at, at)
        if (at, message or "") > (group.last_at, samples.get(key, "")):
            group.last_at, samples[key] = at, message or ""
        failures.append(Failure(level, at, person, group.cause.label))
    for key, group in groups.items():
        group.sample = redacted(samples.get(key, ""))
    return sorted(groups.values(), key=lambda group: (-group.failures, group.level, group.tool, group.text)), failures


def _with_full_stretches(
    runner: Runner, bursts: Sequence[Incident], stretches: Sequence[Stretch], window: Mapping[str, object]
) -> list[Incident]:
    """Each incident with the figures of its whole duration; asks for them where no stretch is as long."""
    counted = {stretch.key for stretch in stretches}
    lengths = sorted({incident.key[-1] for incident in bursts if incident.key not in counted})
    longer = runner.bind(f"{POSTGRES}/failure_windows", {**window, "lengths": [str(length) for length in lengths]})
    rows = runner.table(longer).rows if lengths else ()
    return with_full_stretches(bursts, [*stretches, *(Stretch(*row) for row in rows)])


def _failures_in_incidents(platform_incidents: Iterable[Incident], failures: Iterable[Failure]) -> Counter[str]:
    """Count the failed runs of each person that are part of an incident."""
    times = [
        (incident.start, incident.end, incident.cause)
        for incident in platform_incidents
        if incident.level == "workflow"
    ]
    runs = (failure for failure in failures if times and failure.level == "workflow")
    return Counter(
        run.person for run in runs if any(start <= run.at < end and run.cause == cause for start, end, cause in times)
    )


def _notes(levels: Iterable[Level], words: OwnWords) -> Iterable[str]:
    for level in levels:
        name = words(f"{{{level.name}}} level")
        if level.unknown:
            names = ", ".join(level.unknown)
            yield f"{name}: outcomes that usertrack does not know are in no rate: {names}"
        if level.nameless:
            yield (
                f"{name}: of these people {level.nameless} have no account, or one that was deleted; "
                "where figures are by account, they are left out"
            )
