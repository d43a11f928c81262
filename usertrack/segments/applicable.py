"""The part of segments.yaml that applies here: without what rests on entities or columns that do not exist.

A sum, the greatest of several, the first that is known, and an OR go on without their absent parts. Any other
expression that needs an absent fact is absent itself, and so is the derived fact or the segment that it belongs to.
Reasons are in the company's own words.
"""

import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace

from sqlglot import exp

from usertrack.core.errors import UsageError
from usertrack.library.absence import NEED_ONE_PART
from usertrack.library.library import Library
from usertrack.segments.expressions import columns, parse, to_sql
from usertrack.segments.keys import PERSON_ID
from usertrack.segments.rules import Derived, Rules, Segment, SegmentSet


def applicable(rules: Rules, library: Library) -> Rules:
    """``rules`` without the queries, facts and segments that cannot be here, and with the company's own words.

    A query that cannot be read stays: who needs it has the error. Raises UsageError for a wrong expression.
    """
    return _in_own_words(_without_absent(rules, library), library)


def _without_absent(rules: Rules, library: Library) -> Rules:
    absent = _Absent(rules)
    for name in rules.queries:
        absent.add_query(library, name)
    if not absent.causes:
        return rules
    derived = tuple(filter(None, map(absent.derived, rules.derived)))
    sets = {name: absent.set(segment_set) for name, segment_set in rules.sets.items()}
    return replace(
        rules,
        queries={name: params for name, params in rules.queries.items() if name not in absent.queries},
        derived=derived,
        sets={name: segment_set for name, segment_set in sets.items() if segment_set.segments},
        absent={segment: ", ".join(sorted(causes)) for segment, causes in absent.segments.items()},
        absent_sets={
            name: absent.causes_of(rules.sets[name]) for name, segment_set in sets.items() if not segment_set.segments
        },
    )


_PLACE = re.compile(r"(?<!\{)\{(label |an? )?(\w+)\}(?!\})")


def fact_labels(rules: Rules, library: Library) -> dict[str, str]:
    """Return the labels of the facts that profiles of ``rules`` have, by name."""
    labels = {derived.name: library.words(derived.label) for derived in rules.derived}
    for name in rules.queries:
        with suppress(UsageError):
            labels |= {fact: declared.label for fact, declared in library[name].facts.items()}
    return labels


def _in_own_words(rules: Rules, library: Library) -> Rules:
    """``rules`` whose reasons have the words of `labels`: ``{a run}``, ``{runs}``, and ``{label FACT}``.

    A fact goes before a word of its name.
    """
    labels = fact_labels(rules, library)

    def worded(place: re.Match[str]) -> str:
        prefix, name = place[1] or "", place[2]
        word = labels.get(name, place[0]) if prefix == "label " else library.words(place[0])
        return place[0] if word == place[0] or (name in labels and not prefix) else re.sub(r"[{}]", r"\g<0>\g<0>", word)

    def in_words(segment: Segment) -> Segment:
        return replace(segment, because=_PLACE.sub(worded, segment.because))

    sets = {
        name: replace(segment_set, segments=tuple(map(in_words, segment_set.segments)))
        for name, segment_set in rules.sets.items()
    }
    return replace(rules, sets=sets)


@dataclass
class _Absent:
    """Collects what is absent: ``queries``, facts with their ``causes``, and ``segments`` with theirs."""

    rules: Rules
    queries: set[str] = field(default_factory=set)
    causes: dict[str, frozenset[str]] = field(default_factory=dict)
    segments: dict[str, frozenset[str]] = field(default_factory=dict)

    def add_query(self, library: Library, name: str) -> None:
        if name not in library.files:
            return  # the profile says so, with the line
        try:
            query = library[name]
        except UsageError:
            return
        absence = query.absence
        if not absence.empty and query.key != self.rules.key and (self.rules.by or self.rules.key == PERSON_ID):
            nobody = frozenset([f"{name} by {self.rules.by or PERSON_ID}"])
        elif self.rules.by and query.source == "posthog" and library.fragments("posthog")[self.rules.by].sql == "NULL":
            nobody = frozenset([f"events.{self.rules.by}"])
        else:
            nobody = absence.of(query.key)
        gone = [fact for fact in query.declared if nobody or fact not in query.facts]
        self.causes |= {fact: nobody or absence.of(fact) for fact in gone}
        if nobody or absence.empty or (absence.columns and not query.facts):
            self.queries.add(name)

    def derived(self, derived: Derived) -> Derived | None:
        sql, causes = self.reduced(derived.sql, f"{self.rules.path}:{derived.line}")
        if not sql:
            self.causes[derived.name] = causes
        return replace(derived, sql=sql) if sql else None

    def set(self, segment_set: SegmentSet) -> SegmentSet:
        segments = [self.segment(segment) for segment in segment_set.segments]
        left_out = {
            known.name: self.segments[known.id]
            for known, here in zip(segment_set.segments, segments, strict=True)
            if not here
        }
        return replace(segment_set, segments=tuple(filter(None, segments)), left_out=left_out)

    def causes_of(self, segment_set: SegmentSet) -> str:
        """Return the absent entities and columns that the segments of a set rest on, as text."""
        return ", ".join(sorted(frozenset().union(*(self.segments[segment.id] for segment in segment_set.segments))))

    def segment(self, segment: Segment) -> Segment | None:
        where = f"{self.rules.path}:{segment.lines.get('when', 1)}"
        when, causes = self.reduced(segment.when, where)
        if not when:
            self.segments[segment.id] = causes
            return None
        priority, _ = self.reduced(segment.priority, where)
        return replace(segment, when=when, priority=priority or "0", because=self.because(segment.because))

    def reduced(self, sql: str, where: str) -> tuple[str, frozenset[str]]:
        """``sql`` without its absent parts, empty where nothing is left; and why they are absent."""
        expression = parse(sql, where)
        unknown = [self.causes[name] for name in columns(expression) if name in self.causes]
        if not unknown:
            return sql, frozenset()
        rest = _without(expression.copy(), self.causes, NEED_ONE_PART)
        return to_sql(rest) if rest is not None else "", frozenset().union(*unknown)

    def because(self, text: str) -> str:
        return reason_without(text, self.causes)


def reason_without(text: str, absent: Collection[str]) -> str:
    """A reason without the parts that name one of the ``absent`` facts. What is [optional] may then begin it."""
    parts = re.split(r"(\[[^\[\]]*\]|(?<=[,;])(?= ))", text)
    present = "".join(part for part in parts if part and not any(name in absent for name in _FACTS.findall(part)))
    if present == text:
        return text
    alone = re.sub(r"^\[[\s,;:]*(.*?)\]", r"\1", present)
    return re.sub(r"^[\s,;:]+|[\s,;:]+(?=\[|$)", "", alone)


_FACTS = re.compile(r"\{(?:label )?(\w+)\}")


def condition_without(sql: str, absent: Collection[str]) -> str:
    """``sql`` without the conditions on ``absent`` facts, also those that AND joins; empty where none is left."""
    rest = _without(parse(sql, "condition").copy(), absent, (*NEED_ONE_PART, exp.And))
    return to_sql(rest) if rest is not None else ""


def _without(node: exp.Expr, absent: Collection[str], optional: tuple[type[exp.Expr], ...]) -> exp.Expr | None:
    """``node`` without its absent parts; None where it is absent as a whole. ``optional`` nodes need one part."""
    if not any(name in absent for name in columns(node)):
        return node
    if isinstance(node, exp.Column):
        return None
    if isinstance(node, exp.Paren):
        inner = _without(node.this, absent, optional)
        return exp.paren(inner) if inner is not None else None
    needs_all: bool = not isinstance(node, (*optional, exp.Add))
    if needs_all:
        rest = node.copy()
        for child in list(rest.iter_expressions()):
            part = _without(child, absent, optional)
            if part is None:
                return None
            child.replace(part)
        return rest
    operands = [node.this, *([node.expression] if isinstance(node, exp.Binary) else node.expressions)]
    left = [part for operand in operands if (part := _without(operand, absent, optional)) is not None]
    if not any(columns(part) for part in left):
        return None
    if len(left) == 1:
        return left[0]
    rest = node.copy()
    rest.set("this", left[0])
    rest.set(*(("expression", left[1]) if isinstance(node, exp.Binary) else ("expressions", left[1:])))
    return rest
