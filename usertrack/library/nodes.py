"""PostHog's query nodes: some only show what another one, their source, asks."""

from collections.abc import Mapping
from typing import Any

_WRAPPERS = ("DataVisualizationNode", "InsightVizNode", "DataTableNode")


def source_of(query: Any) -> Any:
    """The node that asks: ``query`` itself, or what it shows. Nothing is known of it, not even that it is a node."""
    if isinstance(query, Mapping) and query.get("kind") in _WRAPPERS:
        return query.get("source")
    return query
