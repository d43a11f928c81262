"""PostHog's query nodes. Some of them only display another node, their source."""

from collections.abc import Mapping
from typing import Any

_WRAPPERS = ("DataVisualizationNode", "InsightVizNode", "DataTableNode")


def source_of(query: object) -> Any:  # noqa: ANN401
    """The node that queries: ``query`` itself, or its source. It is JSON of PostHog's, and may be anything."""
    if isinstance(query, Mapping) and query.get("kind") in _WRAPPERS:
        return query.get("source")
    return query
