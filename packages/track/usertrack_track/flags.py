"""Feature flags, asked of PostHog by its SDK. That one was asked for is an event, which goes the way of all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from posthog import Posthog


class FlagFacts(TypedDict, total=False):
    """Facts of a person for the conditions of a flag, beside those that PostHog knows."""

    groups: dict[str, str]
    person_properties: dict[str, object]
    group_properties: dict[str, dict[str, object]]


def flag_client(project_key: str, host: str, track: Callable[[str, str, Mapping[str, object]], object]) -> Posthog:
    """A client that sends nothing by itself: ``track`` gets its events."""
    import posthog

    def hand_over(event: dict[str, object]) -> None:
        properties = event["properties"]
        track(str(event["distinct_id"]), str(event["event"]), properties if isinstance(properties, dict) else {})

    return posthog.Posthog(project_key, host=host, sync_mode=True, send=False, before_send=hand_over)


def is_enabled(client: Posthog, flag: str, distinct_id: str, facts: FlagFacts, *, default: bool) -> bool:
    if hasattr(client, "evaluate_flags"):
        return bool(client.evaluate_flags(distinct_id, flag_keys=[flag], **facts).is_enabled(flag, default))
    answer = client.feature_enabled(flag, distinct_id, **facts)  # of an SDK for Python 3.9
    return default if answer is None else bool(answer)
