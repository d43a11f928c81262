"""Features as a document: a table of their use, and heatmaps of adoption by category."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Document, Field, Heatmap, Listing
from usertrack.core.stats import UNKNOWN, ConfidenceInterval
from usertrack.core.table import NamedRow
from usertrack.core.words import plural
from usertrack.product.ask import all_others_note
from usertrack.product.attributes import group_attributes
from usertrack.product.features.numbers import BANDS, STEPS, Feature, FeatureGroup, Features
from usertrack.product.features.trend import FEWEST_DAYS, METHOD
from usertrack.product.scope import Scope

_MARKS = {"increasing": "↗ increasing", "stable": "→ stable", "decreasing": "↘ decreasing"}
_NO_CATEGORY = "without a category"
_MOST = 40  # features that people see in a table, and on all heatmaps together, unless --limit says otherwise


@dataclass(frozen=True)
class FeatureRow:
    """A feature in one group of the breakdown: a row of the table and of JSON."""

    group: FeatureGroup
    feature: Feature

    @property
    def interval(self) -> ConfidenceInterval:
        """The interval of the adoption; unknown for a feature that was not used."""
        return self.feature.adoption_interval if self.feature.uses else UNKNOWN


def feature_columns(scope: Scope) -> Columns[FeatureRow]:
    """Everything that is known of a feature."""
    return Columns(
        *group_attributes(lambda row: row.group.name),
        Attribute("feature", "VARCHAR", "feature.name", Field("Feature")),
        Attribute(
            "category", "VARCHAR", lambda row: row.feature.category or None, Field("Category", spare=True), place=1
        ),
        Attribute("uses", "BIGINT", "feature.uses", Field("Uses", "number")),
        Attribute("people", "BIGINT", "feature.people", Field("People", "number")),
        Attribute("active", "BIGINT", "group.people"),
        Attribute(
            "adoption",
            "DOUBLE",
            lambda row: _share(row.feature.people, row.group.people),
            Field("Adoption", "bar", full=1.0),
        ),
        Attribute("adoption_low", "DOUBLE", "interval.low"),
        Attribute("adoption_high", "DOUBLE", "interval.high"),
        Attribute("adoption_band", "VARCHAR", lambda row: row.feature.band or None, Field(" ", spare=True)),
        Attribute("kept", "BIGINT", "feature.returned"),
        Attribute("could_return", "BIGINT", "feature.could_return"),
        Attribute("retention", "DOUBLE", "feature.retention", Field(f"Next {scope.interval}", "percent")),
        Attribute("mean_seconds", "DOUBLE", "feature.seconds", Field("Mean s", "number", spare=True)),
        Attribute("timed", "BIGINT", "feature.timed"),
        Attribute(
            "trend",
            "VARCHAR",
            "feature.trend.word",
            Field("Trend", align="right"),  # which keeps it on one line
            text=lambda row: row.feature.trend and _MARKS[row.feature.trend.word],
        ),
        Attribute("trend_p", "DOUBLE", "feature.trend.p"),
        Attribute(
            "uses_trend",
            "VARCHAR",
            "feature.uses_trend.word",
            Field("Of uses", align="right", spare=True),
            lambda row: row.feature.uses_trend and _MARKS[row.feature.uses_trend.word][0],
        ),
        Attribute("uses_trend_p", "DOUBLE", "feature.uses_trend.p"),
        Attribute("last_at", "TIMESTAMP", "feature.last_at"),
    )


def features_document(features: Features) -> Document:
    """The most used first, then a heatmap per category; files hold a row per group and feature, unused ones too."""
    scope, source = features.scope, features.source
    columns = feature_columns(scope)
    rows = [FeatureRow(group, feature) for group in features.groups for feature in (*group.features, *group.unused)]
    notes = _notes(features)
    named = f" by {source.named_by}" if source.named_by else ""
    return Document(
        title="Features",
        subtitle=" · ".join([scope.window, f"{source.event}{named}", *scope.conditions, *scope.weeks]),
        blocks=tuple(block for group in features.groups for block in _blocks(group, scope)),
        notes=notes,
        data=lambda: _json(features, columns.dicts(rows), notes),
        table=columns.table(rows, "features", source=features.table, timezone=scope.timezone, as_of=scope.as_of),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def _blocks(group: FeatureGroup, scope: Scope) -> Iterator[Block]:
    heading = [scope.heading(group.name), f"of {plural(group.people, 'active person', 'active people')}"]
    rows = [FeatureRow(group, feature) for feature in group.features]
    columns = feature_columns(scope)
    yield columns.listing(rows, " · ".join(filter(None, heading)), limit=_MOST, as_of=scope.as_of)
    names = sorted({feature.category for feature in group.features}, key=lambda name: (not name, name))
    many = len(group.features) > _MOST
    for at, name in enumerate(names):
        members = [feature for feature in group.features if feature.category == name]
        yield Heatmap(
            f"{name or _NO_CATEGORY}: adoption by {scope.interval}",
            [feature.name for feature in members],
            ["all", *(scope.label(start) + "…" * scope.unfinished(start) for start in scope.starts)],
            [
                [
                    feature.adoption,
                    *map(_share, feature.periods, group.active),
                ]  # over all the time, then in each period
                for feature in members
            ],
            "percent",
            caption=_LEGEND if at == len(names) - 1 else "",
            corner=f"{scope.interval} of",
            steps=STEPS,
            bands=BANDS,
            limit=max(1, _MOST // len(names)) if many else _MOST,
        )
    if group.unused:
        yield _unused(group, scope)


def _share(people: int, active: int) -> float | None:
    return people / active if active else None


_ABOVE = (f"{band} above {step:.0%}".replace("%", " %") for band, step in zip(BANDS[1:], STEPS, strict=True))
_LEGEND = f"{BANDS[0]}, {', '.join(_ABOVE)}"


def _unused(group: FeatureGroup, scope: Scope) -> Listing:
    known = feature_columns(scope)
    columns = Columns(
        known.show("feature", Field("Feature")),
        known.show("category", Field("Category")),
        known.show("last_at", Field("Last used", "when")),
    )
    rows = [FeatureRow(group, feature) for feature in group.unused]
    heading = "Not used in this time"
    return columns.listing(rows, heading, limit=_MOST, timezone=scope.timezone, as_of=scope.as_of)


def _notes(features: Features) -> tuple[str, ...]:
    scope, groups = features.scope, features.groups
    any_used, own = any(group.features for group in groups), features.source.events
    unsure = any(feature.trend is None for group in groups for feature in group.features)
    return (
        *([] if any_used else ["no feature was used in this time"]),
        *(["`events.feature_used` names no event that occurred: each event is a feature"] if own else []),
        *(
            [
                f"next {scope.interval}: of those who used it in one {scope.interval},"
                f" who did in the one after, too; over all pairs that are over"
            ]
            if any_used
            else []
        ),
        *(
            [f"trend: of the share of active people per day; of uses (↗ → ↘), which rise with people: {METHOD}"]
            if any_used
            else []
        ),
        *all_others_note(features.table, scope),
        *([f"a trend takes {FEWEST_DAYS} whole days"] if unsure else []),
        *([f"… the {scope.interval} is not over"] if any_used and scope.unfinished(scope.starts[-1]) else []),
    )


def _json(features: Features, rows: list[NamedRow], notes: Sequence[str]) -> dict[str, object]:
    scope, source = features.scope, features.source
    starts = [scope.stored(start) for start in scope.starts]
    return {
        **scope.as_dict(),
        "event": source.event,
        "property": source.named_by or None,
        "trend_method": METHOD,
        "features": rows,
        "heatmap": [
            {
                **group.name.columns,
                "feature": feature.name,
                "category": feature.category or None,
                "start": start,
                "people": people,
                "active": active,
                "adoption": _share(people, active),
                "complete": complete,
            }
            for group in features.groups
            for feature in group.features
            for start, complete, people, active in zip(
                starts, scope.finished, feature.periods, group.active, strict=True
            )
        ],
        "notes": list(notes),
    }
