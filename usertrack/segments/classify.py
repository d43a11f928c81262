"""Classification: who is in which segment of a set, why, and how urgently, computed in DuckDB over the profiles.

NULL means unknown: a fact that is not known puts nobody into a segment, and takes nobody out of one. Rules are judged
per person in three-valued logic.
"""

import re
import string
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, zip_longest

from sqlglot import exp

from usertrack.core.errors import Unknown, UsageError, did_you_mean
from usertrack.core.source_names import POSTGRES
from usertrack.core.spool import SpooledRows, identifier, quote, scratch
from usertrack.core.table import Column, Table
from usertrack.core.words import number
from usertrack.library.library import Library
from usertrack.segments.expressions import bracketed, columns, parse
from usertrack.segments.keys import subjects_heading
from usertrack.segments.profiles import OR_NULL, Profiles
from usertrack.segments.rules import Rules, Segment, SegmentSet
from usertrack.segments.staging import duckdb_message

OWN_COLUMNS = ("primary", "segments", "action", "priority", "because", "undecided")


@dataclass(frozen=True)
class SegmentCount:
    """The number of people who are in a segment for sure. ``people`` is None when nobody is, and somebody may be.

    ``to_act_on`` counts people whose primary segment it is for sure, and is None as ``people`` is. ``undecided`` counts
    people for whom a fact that decides is not known. ``unknown`` says why, where that fact is unknown for everybody in
    this run; ``open`` counts these people.
    """

    segment: Segment
    people: int | None
    to_act_on: int | None = None
    undecided: int = 0
    unknown: str = ""
    open: int = 0

    @property
    def doubt(self) -> str:
        """Why it is not known of everybody: ``unknown, because …``, ``12 undecided, because …``, or empty."""
        known = self.people is not None
        what = f"{number(self.undecided)} undecided, " if known else "unknown, "
        of_them = f"{number(self.open)} of them " if known and self.open < self.undecided else ""
        return f"{what}{of_them}because {self.unknown}" if self.unknown else ""

    def share(self, total: int) -> float | None:
        """Its part of ``total`` people; None where it is not known of everybody."""
        return None if self.people is None or self.open or not total else self.people / total


@dataclass(frozen=True)
class Classification:
    """A set of segments with its people. The DuckDB table `classified` has everybody who is in at least one segment."""

    profiles: Profiles
    segment_set: SegmentSet
    counts: tuple[SegmentCount, ...]

    @property
    def unknown(self) -> list[SegmentCount]:
        return [count for count in self.counts if count.people is None]

    def count(self, id_: str) -> SegmentCount:
        return next(count for count in self.counts if count.segment.id == id_)

    def require_known(self, id_: str, so: str = "", *, to_act_on: bool = False) -> None:
        """Raise Unknown when nobody is in segment ``id_`` for sure, and somebody may be; ``so`` begins the message.

        With ``to_act_on`` also when that is so of those whose primary segment it is, as a more urgent one is undecided.
        """
        own, name, advice = (
            self.count(id_),
            self.segment_set[id_].name,
            "`usertrack doctor` says what stands in the way",
        )
        if own.people is None:
            raise Unknown(f"{so}who is in {name} is unknown, because {own.unknown}", advice)
        if to_act_on and own.to_act_on is None:
            first = next(count for count in self.counts if count.unknown)
            raise Unknown(
                f"{so}whom to act on in {name} is unknown: {first.segment.name} is more urgent, and is unknown, "
                f"because {first.unknown}",
                f"ask for everybody who is in it (in a terminal, --all-members); {advice}",
            )

    @property
    def by_urgency(self) -> str:
        """The order of rows of `classified`: by priority, then by precedence."""
        return f"ORDER BY priority DESC NULLS LAST, rank, {identifier(self.profiles.key)}"

    def whose(self, only: Sequence[str], *, to_act_on: bool, decided: bool = False) -> str:
        """A WHERE for people in any segment of ``only``; ``to_act_on``: people whose primary segment is one of them.

        With ``decided`` those alone of whom no more urgent segment is undecided.
        """
        if not only:
            return ""
        ids = _listed(only)
        if not to_act_on:
            return f"WHERE list_has_any(segments, {ids})"
        return f'WHERE list_contains({ids}, "primary"){" AND decided" * decided}'

    def people(self, only: Sequence[str] = (), limit: int | None = None, *, to_act_on: bool = False) -> Table:
        """One row per person in any segment (of ``only``), most urgent first: by priority, then by precedence.

        ``to_act_on``: only people whose primary segment it is. ``limit`` people at the most, all with None or 0; raises
        UsageError for a segment that is not in the set.
        """
        only = self.segment_set.require(only)
        profiles = self.profiles
        facts = [name for name in profiles.facts if name not in (profiles.key, "as_of")]
        names = ", ".join(identifier(name) for name in (profiles.key, *OWN_COLUMNS, *facts))
        where = self.whose(only, to_act_on=to_act_on)
        scan = f"(SELECT {names} FROM classified {where} {self.by_urgency})"
        described = profiles.connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
        columns = tuple(Column(name, kind) for name, kind, *_ in described)
        total = profiles.row(f"SELECT count(*) FROM classified {where}")[0]
        rows = SpooledRows(scan, columns, total, profiles.connection).head(limit or None)
        return Table(
            columns=columns,
            rows=rows,
            name="segments",
            title=f"{subjects_heading(profiles.key)} by segment, {self.segment_set.name}",
            source=f"{POSTGRES}+posthog",
            truncated=len(rows) < total,
            as_of=profiles.as_of,
            notes=tuple(profiles.notes),
        )

    def open(self, id_: str) -> list[str]:
        """The keys of people who may be in a segment, as a fact is unknown in this run."""
        key = identifier(self.profiles.key)
        sql = f"SELECT {key} FROM flagged WHERE {_open_name(self.segment_set[id_])} ORDER BY {key}"
        return [str(row[0]) for row in self.profiles.connection.execute(sql).fetchall()]

    def undecided(self, only: Sequence[str] = ()) -> Table:
        """The people who may be in a segment (of ``only``): the key, the ids of these segments, and all facts."""
        profiles = self.profiles
        facts = [name for name in profiles.facts if name not in (profiles.key, "as_of")]
        names = ", ".join(map(identifier, (profiles.key, "undecided", *facts)))
        ids = _listed(only or [segment.id for segment in self.segment_set.segments])
        scan = f"(SELECT {names} FROM flagged WHERE list_has_any(undecided, {ids}) ORDER BY {identifier(profiles.key)})"
        described = profiles.connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
        columns = tuple(Column(name, kind) for name, kind, *_ in described)
        total = profiles.row(f"SELECT count(*) FROM {scan}")[0]
        rows = SpooledRows(scan, columns, total, profiles.connection)
        return Table(columns, rows, name="undecided", as_of=profiles.as_of, notes=tuple(profiles.notes))

    def evidence(self, only: Sequence[str] = ()) -> list[str]:
        """The facts that the rules of these segments use: the first of each rule, then the second of each."""
        segments = [segment for segment in self.segment_set.segments if not only or segment.id in only]
        looked = [[n for n in columns(condition(self.profiles, segment)) if n != "as_of"] for segment in segments]
        return list(dict.fromkeys(name for names in zip_longest(*looked) for name in names if name))


def classify(profiles: Profiles, segment_set: SegmentSet) -> Classification:
    """Put everybody into the segments of the set; raises UsageError with file and line."""
    import duckdb

    profiles.note(segment_set.note)
    try:
        _flag(profiles, segment_set)
        _describe(profiles, segment_set)
    except duckdb.Error as error:  # a value of somebody's that a rule cannot take
        raise rule_error(profiles, segment_set, error) from error
    return Classification(profiles, segment_set, tuple(_counts(profiles, segment_set)))


def rule_error(profiles: Profiles, segment_set: SegmentSet, error: Exception) -> UsageError:
    """The error of the rule that fails on somebody's facts, with file and line; ``error`` itself where none fails."""
    import duckdb

    for segment in segment_set.segments:
        members = f"profile WHERE {bracketed(segment.when)}"
        for part, sql, people in (
            ("when", bracketed(segment.when), "profile"),
            ("priority", bracketed(segment.priority), members),
            ("because", reason_sql(profiles, segment), members),
        ):
            try:
                profiles.connection.execute(f"SELECT max({sql}) FROM {people}")
            except duckdb.Error as cause:
                text = f"in `{part}: {getattr(segment, part)}`; {OR_NULL}"
                return UsageError(f"{rule_location(profiles.rules, segment, part)}: {duckdb_message(cause)}", text)
    return UsageError(f"{profiles.rules.path}: set '{segment_set.name}': {duckdb_message(error)}", OR_NULL)


@contextmanager
def declared_profiles(rules: Rules, library: Library, as_of: datetime) -> Iterator[Profiles]:
    """An empty `profile` with the declared types, to check rules against; raises UsageError for what cannot be one."""
    with scratch() as connection:
        profiles = Profiles(rules, library, as_of, connection=connection)
        profiles.declare()
        yield profiles


def check_rules(rules: Rules, library: Library, as_of: datetime) -> None:
    """Check all rules against the facts that their queries declare, before any query runs; raises UsageError."""
    segments = [segment for segment_set in rules.sets.values() for segment in segment_set.segments]
    with declared_profiles(rules, library, as_of) as profiles:
        if not all_right(profiles, segments):  # then each by itself, for the first error
            for segment in segments:
                check_rule(profiles, segment)


def condition(profiles: Profiles, segment: Segment) -> exp.Expr:
    """The parsed condition of ``segment``, once every column in it is known to exist."""
    where = rule_location(profiles.rules, segment, "when")
    expression = parse(segment.when, where)
    _known(profiles, columns(expression), where)
    return expression


def rule_location(rules: Rules, segment: Segment, part: str) -> str:
    return f"{rules.path}:{segment.lines.get(part, 1)}"


def _known(profiles: Profiles, names: Sequence[str], where: str) -> None:
    for name in names:
        if name not in profiles.facts:
            raise UsageError(
                f"{where}: unknown fact '{name}'",
                did_you_mean(
                    name,
                    profiles.facts,
                    "facts are declared in the headers of the profile's queries: `usertrack query show NAME`",
                ),
            )


def all_right(profiles: Profiles, segments: Sequence[Segment]) -> bool:
    """Whether `check_rule` passes for all of ``segments``, in the time that it takes for one."""
    import duckdb

    try:
        for segment in segments:
            for part in _KINDS:
                _require_facts(profiles, segment, part)
            reason_sql(profiles, segment)
        kinds = _kinds(profiles, [getattr(segment, part) for segment in segments for part in _KINDS])
    except (UsageError, duckdb.Error):
        return False
    return all(kind in allowed for kind, allowed in zip(kinds, cycle(_KINDS.values()), strict=False))


def check_rule(profiles: Profiles, segment: Segment) -> None:
    """Let DuckDB check the types of a rule before it is used; raises UsageError."""
    import duckdb

    for part, allowed in _KINDS.items():
        sql, where = getattr(segment, part), rule_location(profiles.rules, segment, part)
        _require_facts(profiles, segment, part)
        try:
            [kind] = _kinds(profiles, [sql])
        except duckdb.Error as error:
            raise UsageError(f"{where}: {duckdb_message(error)}", f"in `{part}: {sql}`") from error
        if kind not in allowed:
            expected = "true or false" if part == "when" else "a number"
            raise UsageError(f"{where}: '{part}' gives {kind.lower()}, not {expected}", f"in `{part}: {sql}`")
    reason_sql(profiles, segment)


def _require_facts(profiles: Profiles, segment: Segment, part: str) -> None:
    where = rule_location(profiles.rules, segment, part)
    _known(profiles, columns(parse(getattr(segment, part), where)), where)


def _kinds(profiles: Profiles, expressions: Sequence[str]) -> list[str]:
    """DuckDB's types of these expressions over `profile`, without digits; raises its error for one that cannot run."""
    selected = ", ".join(map(bracketed, expressions))
    described = profiles.connection.execute(f"DESCRIBE SELECT {selected} FROM profile").fetchall()
    # a wrong constant, such as the text in `run_count > 'many'`, shows only when the rule runs
    nobody = ", ".join(
        f"{_NOTHING.get(fact.type, 'NULL')}::{fact.type} AS {identifier(name)}" for name, fact in profiles.facts.items()
    )
    profiles.connection.execute(f"SELECT {selected} FROM (SELECT {nobody})").fetchall()
    return [str(kind).split("(")[0] for _, kind, *_ in described]


_NOTHING = {"BIGINT": "0", "DOUBLE": "0", "BOOLEAN": "false", "TIMESTAMP": "'1970-01-01'"}
_NUMBERS = {"BIGINT", "INTEGER", "DOUBLE", "DECIMAL", "HUGEINT", "FLOAT", "SMALLINT", "TINYINT", "UBIGINT"}
_KINDS = {"when": {"BOOLEAN"}, "priority": _NUMBERS}


def _flag(profiles: Profiles, segment_set: SegmentSet) -> None:
    """Make the table `flagged`: the profile, for each segment whether somebody is in it, and the undecided ones.

    ``in X`` is true, false, or NULL where a fact is not known; ``open X`` says that this is one that is unknown in this
    run. ``undecided`` and ``open`` list the ids of these segments. In an exclusive set, nobody is in a segment who
    is, or may be, in an earlier one.
    """
    flags: list[str] = []
    earlier: list[str] = []
    for segment in segment_set.segments:
        rule = condition(profiles, segment)
        own, met = profiles.judged(rule), profiles.judged(rule, met_or_not=True)
        none_before = f" AND NOT ({' OR '.join(earlier)})" if segment_set.exclusive and earlier else ""
        earlier.append(identifier(f"met {segment.id}"))
        flags += [f"{met} AS {earlier[-1]}", f"({own}{none_before}) AS {_flag_name(segment)}"]
        flags.append(f"({earlier[-1]}{none_before}) IS NULL AS {_open_name(segment)}")
    segments = segment_set.segments
    lists = {
        "undecided": [f"CASE WHEN {_flag_name(segment)} IS NULL THEN {quote(segment.id)} END" for segment in segments],
        "open": [f"CASE WHEN {_open_name(segment)} THEN {quote(segment.id)} END" for segment in segments],
    }
    ids = (f"list_filter([{', '.join(cases)}], lambda x: x IS NOT NULL) AS {name}" for name, cases in lists.items())
    profiles.connection.execute(
        f"CREATE OR REPLACE TABLE flagged AS SELECT * EXCLUDE ({', '.join(earlier)}), {', '.join(ids)} "
        f"FROM (SELECT *, {', '.join(flags)} FROM profile)"
    )


def _flag_name(segment: Segment) -> str:
    return identifier(f"in {segment.id}")


def _open_name(segment: Segment) -> str:
    return identifier(f"open {segment.id}")


def _listed(ids: Sequence[str]) -> str:
    return f"[{', '.join(map(quote, ids))}]"


def _describe(profiles: Profiles, segment_set: SegmentSet) -> None:
    """Make the table `classified`: people in a segment, with primary segment, action, priority and reasons."""

    def first(values: Sequence[str]) -> str:
        cases = " ".join(f"WHEN {_flag_name(s)} THEN {v}" for s, v in zip(segment_set.segments, values, strict=True))
        return f"CASE {cases} END"

    def members(values: Sequence[str]) -> str:
        cases = ", ".join(
            f"CASE WHEN {_flag_name(s)} THEN {v} END" for s, v in zip(segment_set.segments, values, strict=True)
        )
        return f"list_filter([{cases}], lambda x: x IS NOT NULL)"

    segments = segment_set.segments
    in_turn = " ".join(
        f"WHEN {_flag_name(segment)} THEN true WHEN {_open_name(segment)} THEN false" for segment in segments
    )
    ids = [quote(segment.id) for segment in segments]
    reasons = [reason_sql(profiles, segment) for segment in segments]
    priorities = [f"round(CAST({bracketed(segment.priority)} AS DOUBLE), 1)" for segment in segments]
    profiles.connection.execute(
        "CREATE OR REPLACE TABLE classified AS SELECT * FROM ("
        f'SELECT *, {first(ids)} AS "primary", {members(ids)} AS segments, '
        f"{first([quote(segment.action) for segment in segments])} AS action, {first(priorities)} AS priority, "
        f"{members(reasons)} AS because, CASE {in_turn} END AS decided, "
        f'{first([str(rank) for rank in range(len(segments))])} AS rank FROM flagged) WHERE "primary" IS NOT NULL'
    )


def _counts(profiles: Profiles, segment_set: SegmentSet) -> Iterator[SegmentCount]:
    counted = [  # count_if would be NULL of nobody
        f"count(*) FILTER (WHERE {_flag_name(segment)}), count(*) FILTER (WHERE {_flag_name(segment)} IS NULL), "
        f"count(*) FILTER (WHERE {_open_name(segment)})"
        for segment in segment_set.segments
    ]
    counts = profiles.row(f"SELECT {', '.join(counted)} FROM flagged")
    primary = profiles.connection.execute(
        'SELECT "primary", count(*) FILTER (decided), count(*) FILTER (NOT decided) FROM classified GROUP BY ALL'
    ).fetchall()
    primaries = {id_: (sure, unsure) for id_, sure, unsure in primary}
    reasons: list[str] = []
    rules = (condition(profiles, segment) for segment in segment_set.segments)
    for segment, rule, people, undecided, open_ in zip(
        segment_set.segments, rules, counts[::3], counts[1::3], counts[2::3], strict=True
    ):
        own = profiles.missing(rule)
        reasons = own if not segment_set.exclusive else list(dict.fromkeys([*reasons, *own]))
        sure, unsure = primaries.get(segment.id, (0, 0))
        yield SegmentCount(
            segment,
            people or (None if open_ else 0),
            sure or (None if unsure or (open_ and not people) else 0),
            undecided,
            "; ".join(reasons) if open_ else "",
            open_,
        )


def other_segments_words(count: int) -> str:
    """Say that ``count`` members of a segment are in a more urgent one."""
    return f"{number(count)} more {'is' if count == 1 else 'are'} in a more urgent segment too"


def reason_sql(profiles: Profiles, segment: Segment) -> str:
    """A SQL expression for the segment's reason: `because` with every ``{fact}`` filled in.

    A part in [brackets] is left out when a fact in it is not known.
    """
    where = rule_location(profiles.rules, segment, "because")
    parts = _OPTIONAL.split(segment.because)
    sql = [_filled(profiles, part, where, optional=bool(number % 2)) for number, part in enumerate(parts) if part]
    return f"concat({', '.join(sql)})" if sql else "''"


_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


def _filled(profiles: Profiles, text: str, where: str, *, optional: bool) -> str:
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError as error:
        raise UsageError(
            f"{where}: 'because' has a brace without its pair", "write {{ for a brace that is text"
        ) from error
    parts = []
    for before, name, spec, conversion in pieces:
        parts += [quote(before)] if before else []
        if name is not None:
            if spec or conversion:
                raise UsageError(f"{where}: 'because' takes plain {{facts}}, without ':' or '!'", f"write {{{name}}}")
            _known(profiles, [name], where)
            value = words_sql(identifier(name), profiles.facts[name].type, profiles.facts[name].unit)
            parts.append(value if optional else f"coalesce({value}, '?')")
    return f"coalesce({' || '.join(parts)}, '')"


def words_sql(column: str, kind: str, unit: str = "") -> str:
    """A SQL expression for the value of ``column`` as text for people; NULL when it is unknown."""
    if unit == "percent":
        return f"printf('%.0f %%', 100 * {column})"
    if kind == "DOUBLE":
        is_whole = f"{column} = floor({column}) AND abs({column}) < 1e15"
        return f"CASE WHEN {is_whole} THEN {column}::BIGINT::VARCHAR ELSE round({column}, 2)::VARCHAR END"
    if kind == "TIMESTAMP":
        return f"strftime({column}, '%-d %b %Y')"
    if kind.endswith("[]"):
        return f"array_to_string({column}, ', ')"
    return f"CAST({column} AS VARCHAR)"
