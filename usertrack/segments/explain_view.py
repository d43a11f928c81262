"""An explanation as a document: each rule of a set with the person's facts, and what would change the outcome."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Field, Paragraph
from usertrack.core.period import moment
from usertrack.core.stats import wilson
from usertrack.core.table import Table
from usertrack.segments.explain import Explanation, Flip, RuleComparison, Verdict
from usertrack.segments.profiles import ProfileFact, Profiles
from usertrack.segments.rules import segment_tags
from usertrack.segments.wording import bounded_words, rule_words, value_words

_IN = {True: "yes", False: "no", None: "unknown"}
_MET = {True: "✓", False: "✗", None: "?"}


@dataclass(frozen=True)
class _ExplanationLine:
    """A comparison of a rule, or a change that would flip the verdict; what is the same as above is left empty."""

    segment: str = ""
    member: str = ""
    fact: str = ""
    value: str = ""
    rule: str = ""
    met: str = ""
    change: str = ""


_COLUMNS: Columns[_ExplanationLine] = Columns(
    Attribute("segment", "VARCHAR", field=Field("Segment", "tag")),
    Attribute("in", "VARCHAR", "member", Field("In")),
    Attribute("fact", "VARCHAR", field=Field("Fact")),
    Attribute("value", "VARCHAR", field=Field("Value")),
    Attribute("rule", "VARCHAR", field=Field("Rule")),
    Attribute("met", "VARCHAR", field=Field("Met")),
    Attribute("change", "VARCHAR", field=Field("To change it")),
)


def explain_document(profiles: Profiles, explanation: Explanation, timezone: str) -> Document:
    lines = [line for verdict in explanation.verdicts for line in _lines(verdict, profiles.facts, timezone)]
    tags = segment_tags(verdict.segment for verdict in explanation.verdicts)
    columns = Columns(_COLUMNS.show("segment", Field("Segment", "tag", tags=tags)), *_COLUMNS.attributes[1:])
    rated = any(looked.counts for verdict in explanation.verdicts for looked in verdict.comparisons)
    return Document(
        title=f"{explanation.key} is in {_membership_words(explanation)}",
        subtitle=moment(profiles.as_of, timezone),
        blocks=(
            *(Paragraph(verdict.because) for verdict in explanation.verdicts if verdict.because),
            columns.listing(lines, timezone=timezone, as_of=profiles.as_of),
            *([Paragraph("n is how many a rate is of; its 95 % interval follows", "dim")] if rated else []),
            Paragraph(f"facts from {', '.join(_origins(profiles, explanation))}", "dim"),
        ),
        notes=tuple(profiles.notes),
        data=lambda: {
            profiles.key: explanation.key,
            "as_of": profiles.as_of,
            "timezone": timezone,
            "segments": _VERDICTS.dicts(explanation.verdicts),
            "notes": profiles.notes,
        },
        table=_table(profiles, explanation, timezone),
        timezone=timezone,
        as_of=profiles.as_of,
    )


def _membership_words(explanation: Explanation) -> str:
    members = ", ".join(segment.name for segment in explanation.members)
    unknown = ", ".join(verdict.segment.name for verdict in explanation.verdicts if verdict.member is None)
    if not unknown:
        return members or "no segment"
    return f"{members or 'no segment for sure'}; unknown: {unknown}"


def _lines(verdict: Verdict, facts: dict[str, ProfileFact], timezone: str) -> Iterator[_ExplanationLine]:
    """One row per comparison. A change that would flip the verdict is on the row of its fact."""
    remark = _remark(verdict)
    who = (verdict.segment.name, _IN[verdict.member])
    beside = [_beside(flip, verdict) for flip in verdict.flips]
    for looked in verdict.comparisons:
        own = [flip for flip, row in zip(verdict.flips, beside, strict=True) if row is looked]
        cells = (_labels(looked), _values(looked, timezone), rule_words(looked.atom, facts), _MET[looked.met])
        changes = [_change(flip, timezone, alone=_is_about(looked, flip)) for flip in own]
        if not changes and who[0]:
            changes, remark = [remark], ""
        yield _ExplanationLine(*who, *cells, *changes[:1])
        yield from (_ExplanationLine(change=change) for change in changes[1:])
        who = ("", "")
    left = [flip for flip, row in zip(verdict.flips, beside, strict=True) if row is None]
    yield from (_ExplanationLine(change=_change(flip, timezone)) for flip in left)
    if remark:
        yield _ExplanationLine(change=remark)


def _beside(flip: Flip, verdict: Verdict) -> RuleComparison | None:
    """The comparison of the flip's fact with the same outcome as the verdict; else the first one of that fact."""
    rows = [looked for looked in verdict.comparisons if flip.fact.name in looked.bases]
    return next((looked for looked in rows if bool(looked.met) is bool(verdict.member)), rows[0] if rows else None)


def _remark(verdict: Verdict) -> str:
    if verdict.unknown or verdict.earlier:
        return verdict.unknown or f"{verdict.earlier} comes first"
    return "" if verdict.flips else "no single fact would"


def _labels(looked: RuleComparison) -> str:
    return ", ".join(fact.label for fact, _ in looked.facts)


def _values(looked: RuleComparison, timezone: str) -> str:
    return ", ".join(
        bounded_words(fact, *looked.bounds[fact.name], timezone)
        if fact.name in looked.bounds
        else value_words(fact, value, timezone) + _rate_interval(fact, value, looked.counts.get(fact.name), timezone)
        for fact, value in looked.facts
    )


def _rate_interval(fact: ProfileFact, value: float | None, count: int | None, timezone: str) -> str:
    """The denominator of a rate and its 95 % interval: 2 of 6 is less certain than 200 of 600."""
    if count is None:
        return ""
    if value is None or fact.unit != "percent":
        return f" (n={count})"
    of = wilson(value * count, count)
    low, high = round(100 * (of.low or 0)), value_words(fact, round(of.high or 0, 2), timezone)
    return f" (n={count}, {low}–{high})"


def _is_about(looked: RuleComparison, flip: Flip) -> bool:
    return [fact.name for fact, _ in looked.facts] == [flip.fact.name]


def _change(flip: Flip, timezone: str, *, alone: bool = False) -> str:
    """``5 or less``; with the name of the fact where the row is about several facts."""
    was = value_words(flip.fact, flip.value, timezone)
    to = _target(flip, timezone) if flip.extent != "anything else" else f"anything but {_or(was, *flip.texts)}"
    return to if alone else f"{flip.fact.label} {was} → {to}"


def _target(flip: Flip, timezone: str) -> str:
    if flip.fact.type == "TIMESTAMP" and flip.extent != "exactly":
        later = flip.extent == "or more"
        edge = flip.to + timedelta(seconds=-1 if later else 1)
        if not edge.second and flip.to.second:  # one second beside a round time
            return f"{'after' if later else 'before'} {value_words(flip.fact, edge, timezone)}"
        return f"{value_words(flip.fact, flip.to, timezone)} or {'later' if later else 'earlier'}"
    to = _or(value_words(flip.fact, flip.to, timezone), *flip.texts)
    return to if flip.extent == "exactly" else f"{to} {flip.extent}"


def _or(*texts: str) -> str:
    """``a, b or c``."""
    return " or ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))


def _origins(profiles: Profiles, explanation: Explanation) -> list[str]:
    names = {name for verdict in explanation.verdicts for looked in verdict.comparisons for name in looked.bases}
    return sorted({profiles.facts[name].origin for name in names} - {"run", "key"})


def _table(profiles: Profiles, explanation: Explanation, timezone: str) -> Table:
    """One row per comparison, for data formats."""
    columns: Columns[tuple[Verdict, RuleComparison]] = Columns(
        Attribute("segment", "VARCHAR", lambda row: row[0].segment.id),
        Attribute("member", "BOOLEAN", lambda row: row[0].member),
        Attribute("facts", "VARCHAR", lambda row: ", ".join(fact.name for fact, _ in row[1].facts)),
        Attribute("values", "VARCHAR", lambda row: ", ".join(str(value) for _, value in row[1].facts)),
        Attribute("rule", "VARCHAR", lambda row: row[1].atom.sql),
        Attribute("met", "BOOLEAN", lambda row: row[1].met),
        Attribute("flips", "VARCHAR", lambda row: _flips(*row, timezone)),
    )
    rows = [(verdict, comparison) for verdict in explanation.verdicts for comparison in verdict.comparisons]
    return columns.table(rows, "explain", timezone=timezone, as_of=profiles.as_of)


def _flips(verdict: Verdict, comparison: RuleComparison, timezone: str) -> str:
    """The changes of its facts that would flip the verdict."""
    return "; ".join(_change(flip, timezone) for flip in verdict.flips if flip.fact.name in comparison.bases)


_RULE: Columns[RuleComparison] = Columns(
    Attribute("rule", "VARCHAR", "atom.sql"),
    Attribute("before", "VARCHAR", lambda comparison: comparison.atom.before or None),
    Attribute("after", "VARCHAR", lambda comparison: comparison.atom.after or None),
    Attribute("met", "BOOLEAN"),
    Attribute("values", "JSON", lambda comparison: {fact.name: value for fact, value in comparison.facts}),
)
_FLIPS: Columns[Flip] = Columns(
    Attribute("fact", "VARCHAR", "fact.name"),
    Attribute("value", "JSON"),
    Attribute("to", "JSON"),
    Attribute("reach", "VARCHAR", "extent"),
    Attribute("texts", "VARCHAR[]", lambda flip: list(flip.texts)),
)
_VERDICTS: Columns[Verdict] = Columns(
    Attribute("id", "VARCHAR", "segment.id"),
    Attribute("name", "VARCHAR", "segment.name"),
    Attribute("member", "BOOLEAN"),
    Attribute("earlier", "VARCHAR", lambda verdict: verdict.earlier or None),
    Attribute("unknown", "VARCHAR", lambda verdict: verdict.unknown or None),
    Attribute("when", "VARCHAR", "segment.when"),
    Attribute("because", "VARCHAR"),
    Attribute("facts", "JSON", lambda verdict: _RULE.dicts(verdict.comparisons)),
    Attribute("flips", "JSON", lambda verdict: _FLIPS.dicts(verdict.flips)),
)
