"""Features as a document: a table with what each is worth, and heatmaps of adoption by category."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from usertrack.core.document import Block, Document, Field, Heatmap, Listing
from usertrack.core.stats import FEWEST_DAYS, METHOD
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import plural
from usertrack.product.ask import rest_note
from usertrack.product.features.numbers import BANDS, STEPS, Feature, FeatureGroup, Features
from usertrack.product.scope import Scope

_COLUMNS = (
    Column("breakdown"),
    Column("group"),
    Column("feature"),
    Column("category"),
    Column("uses", "BIGINT"),
    Column("people", "BIGINT"),
    Column("active", "BIGINT"),
    Column("adoption", "DOUBLE"),
    Column("adoption_low", "DOUBLE"),
    Column("adoption_high", "DOUBLE"),
    Column("adoption_band"),
    Column("kept", "BIGINT"),
    Column("could_return", "BIGINT"),
    Column("retention", "DOUBLE"),
    Column("mean_seconds", "DOUBLE"),
    Column("timed", "BIGINT"),
    Column("trend"),
    Column("trend_p", "DOUBLE"),
    Column("uses_trend"),
    Column("uses_trend_p", "DOUBLE"),
    Column("last_at", "TIMESTAMP"),
)
_MARKS = {"increasing": "↗ increasing", "stable": "→ stable", "decreasing": "↘ decreasing"}
_NO_CATEGORY = "without a category"
_MOST = 40  # features that people see in a table, and on all heatmaps together, unless --limit says otherwise


def features_document(features: Features) -> Document:
    """The most used first, then a heatmap per category; files hold a row per group and feature, unused ones too."""
    scope, source = features.scope, features.source
    rows: list[Row] = [
        _row(group, feature) for group in features.groups for feature in (*group.features, *group.unused)
    ]
    notes = _notes(features)
    named = f" by {source.named_by}" if source.named_by else ""
    return Document(
        title="Features",
        subtitle=" · ".join([scope.window, f"{source.event}{named}", *scope.conditions, *scope.weeks]),
        blocks=tuple(block for group in features.groups for block in _blocks(group, scope)),
        notes=notes,
        data=lambda: _json(features, rows, notes),
        table=replace(
            features.table, columns=_COLUMNS, rows=rows, name="features", timezone=scope.timezone, as_of=scope.as_of
        ),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def _row(group: FeatureGroup, feature: Feature) -> Row:
    interval = feature.adoption_interval
    return (
        *group.name.columns.values(),
        feature.name,
        feature.category or None,
        feature.uses,
        feature.people,
        group.people,
        feature.people / group.people if group.people else None,
        *((interval.low, interval.high, feature.band or None) if feature.uses else (None, None, None)),
        feature.returned,
        feature.could_return,
        feature.retention,
        feature.seconds,
        feature.timed,
        feature.trend.word if feature.trend else None,
        feature.trend.p if feature.trend else None,
        feature.uses_trend.word if feature.uses_trend else None,
        feature.uses_trend.p if feature.uses_trend else None,
        feature.last_at,
    )


def _blocks(group: FeatureGroup, scope: Scope) -> Iterator[Block]:
    heading = [scope.heading(group.name), f"of {plural(group.people, 'active person', 'active people')}"]
    yield _listing(group.features, " · ".join(filter(None, heading)), scope)
    names = sorted({feature.category for feature in group.features}, key=lambda name: (not name, name))
    many = len(group.features) > _MOST
    for at, name in enumerate(names):
        members = [feature for feature in group.features if feature.category == name]
        heatmap = _heatmap(members, name or _NO_CATEGORY, group, scope, last=at == len(names) - 1)
        yield replace(heatmap, limit=max(1, _MOST // len(names)) if many else _MOST)
    if group.unused:
        yield _unused(group.unused, scope)


def _listing(features: Sequence[Feature], heading: str, scope: Scope) -> Listing:
    rows: list[Row] = [
        (
            feature.name,
            feature.uses,
            feature.people,
            feature.adoption,
            feature.band,
            feature.retention,
            feature.seconds,
            _MARKS[feature.trend.word] if feature.trend else None,
            _MARKS[feature.uses_trend.word][0] if feature.uses_trend else None,
            feature.category or None,
        )
        for feature in features
    ]
    fields = {
        "feature": Field("Feature"),
        "uses": Field("Uses", "number"),
        "people": Field("People", "number"),
        "adoption": Field("Adoption", "bar", full=1.0),
        "band": Field(" ", spare=True),
        "retention": Field(f"Next {scope.interval}", "percent"),
        "seconds": Field("Mean s", "number", spare=True),
        "trend": Field("Trend", align="right"),  # which keeps it on one line
        "uses_trend": Field("Of uses", align="right", spare=True),
        "category": Field("Category", spare=True),
    }
    kinds = {"uses": "BIGINT", "people": "BIGINT", **dict.fromkeys(("adoption", "retention", "seconds"), "DOUBLE")}
    columns = tuple(Column(name, kinds.get(name, "VARCHAR")) for name in fields)
    return Listing(Table(columns, rows, as_of=scope.as_of), heading, fields, limit=_MOST)


def _heatmap(features: Sequence[Feature], category: str, group: FeatureGroup, scope: Scope, *, last: bool) -> Heatmap:
    """Adoption over all the time, then in each period of it."""
    values = [
        [
            feature.adoption,
            *(used / active if active else None for used, active in zip(feature.periods, group.active, strict=True)),
        ]
        for feature in features
    ]
    columns = ["all", *(scope.label(start) + "…" * scope.unfinished(start) for start in scope.starts)]
    return Heatmap(
        f"{category}: adoption by {scope.interval}",
        [feature.name for feature in features],
        columns,
        values,
        "percent",
        caption=_LEGEND if last else "",
        corner=f"{scope.interval} of",
        steps=STEPS,
    )


_ABOVE = (f"{band} above {step:.0%}".replace("%", " %") for band, step in zip(BANDS[1:], STEPS, strict=True))
_LEGEND = f"{BANDS[0]}, {', '.join(_ABOVE)}"


def _unused(features: Sequence[Feature], scope: Scope) -> Listing:
    rows: list[Row] = [(feature.name, feature.category or None, feature.last_at) for feature in features]
    fields = {"feature": Field("Feature"), "category": Field("Category"), "last_at": Field("Last used", "when")}
    columns = (Column("feature"), Column("category"), Column("last_at", "TIMESTAMP"))
    table = Table(columns, rows, as_of=scope.as_of, timezone=scope.timezone)
    return Listing(table, "Not used in this time", fields, limit=_MOST)


def _notes(features: Features) -> tuple[str, ...]:
    scope, groups = features.scope, features.groups
    any_used = any(group.features for group in groups)
    unsure = any(feature.trend is None for group in groups for feature in group.features)
    return (
        *([] if any_used else ["no feature was used in this time"]),
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
        *rest_note(features.table, scope),
        *([f"a trend takes {FEWEST_DAYS} whole days"] if unsure else []),
        *([f"… the {scope.interval} is not over"] if any_used and scope.unfinished(scope.starts[-1]) else []),
    )


def _json(features: Features, rows: Sequence[Row], notes: Sequence[str]) -> dict[str, Any]:
    scope, source = features.scope, features.source
    starts = [scope.stored(start) for start in scope.starts]
    return {
        **scope.as_dict(),
        "event": source.event,
        "property": source.named_by or None,
        "trend_method": METHOD,
        "features": Table(_COLUMNS, rows).dicts(),
        "heatmap": [
            {
                **group.name.columns,
                "feature": feature.name,
                "category": feature.category or None,
                "start": start,
                "people": people,
                "active": active,
                "adoption": people / active if active else None,
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
