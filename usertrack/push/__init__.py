"""Sending the people of a segment to a target: PostHog, Slack, a file or a webhook. A dry run shows all that is sent.

A target is a module with ``check(order)``, which refuses a wrong order before any query runs, and
``push(audience, order, runner, notify)``. To add one: write its file, and name it in `TARGETS`.
Begin in `send.py`. It may import `segments`, `engine`, `delivery` and what lies below, but none of the areas beside it.
"""

import importlib
from typing import Protocol, cast

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.notify import Notify
from usertrack.engine.runner import Runner
from usertrack.push.audience import PushAudience
from usertrack.push.order import PushOrder, PushOutcome

TARGETS = {
    "posthog-cohort": "usertrack.push.cohort",
    "slack": "usertrack.push.slack",
    "csv": "usertrack.push.crm",
    "webhook": "usertrack.push.webhook",
}


class Target(Protocol):
    def check(self, order: PushOrder) -> None:
        """Raise a UsertrackError for an order that cannot be carried out, before any query runs."""
        ...

    def push(self, audience: PushAudience, order: PushOrder, runner: Runner, notify: Notify) -> PushOutcome:
        """Send ``audience``, or in a dry run return the requests; raises a UsertrackError when the target refuses."""
        ...


def target_named(name: str) -> Target:
    """The target called ``name``; raises UsageError with near misses."""
    if name not in TARGETS:
        raise UsageError(f"there is no target '{name}'", did_you_mean(name, TARGETS, f"known: {', '.join(TARGETS)}"))
    return cast(Target, importlib.import_module(TARGETS[name]))
