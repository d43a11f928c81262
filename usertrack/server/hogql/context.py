"""The context of a compilation: the project's settings and its property definitions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class PropertyDefinition:
    """A property as PostHog detects it.

    ``property_type`` is Numeric, Boolean, DateTime, String, or '' while only lists and objects were seen;
    ``scalar_string``: every value seen was a string or null.
    """

    property_type: str = ""
    scalar_string: bool = False


@dataclass(frozen=True)
class Context:
    """``definitions`` is keyed by (event | person | group, property name). ``week_start_day``: 0 Sunday, 1 Monday.

    ``cohorts``: id → name of the static cohorts, needed only by a query that names one.
    ``row_cap`` None: no limit but the query's own, which PostHog does not have, for whole results.
    ``now``: the moment of ``now()`` and relative dates; None: ClickHouse's clock.
    """

    timezone: str = "UTC"
    week_start_day: int = 0
    row_cap: int | None = 50_000
    definitions: Mapping[tuple[str, str], PropertyDefinition] = field(default_factory=dict)
    modifiers: Mapping[str, Any] = field(default_factory=dict)
    project_id: int = 1
    cohorts: Mapping[int, str] = field(default_factory=dict)
    now: datetime | None = None
    test_account_filters: tuple[Mapping[str, Any], ...] = ()
