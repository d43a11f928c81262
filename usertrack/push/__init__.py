"""Acting on a segment: one file for each place that it can be sent to. Nothing is sent but what a dry run shows.

A target is a module with ``check(order)``, which refuses a wrong order before anything is asked, and
``push(audience, order, runner, notify)``. Adding one is one file and one line here.
"""

import importlib
from typing import Protocol, cast

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.notify import Notify
from usertrack.engine.runner import Runner
from usertrack.push.audience import Audience
from usertrack.push.order import Outcome, PushOrder

TARGETS = {
    "posthog-cohort": "usertrack.push.cohort",
    "slack": "usertrack.push.slack",
    "csv": "usertrack.push.crm",
    "webhook": "usertrack.push.webhook",
}


class Target(Protocol):
    def check(self, order: PushOrder) -> None:
        """Raise a UsertrackError for an order that cannot be carried out, before anything is asked."""
        ...

    def push(self, audience: Audience, order: PushOrder, runner: Runner, notify: Notify) -> Outcome:
        """Send ``audience``, or say what would be sent; raises a UsertrackError when it was not taken."""
        ...


def target_named(name: str) -> Target:
    """The target called ``name``; raises UsageError with near misses."""
    if name not in TARGETS:
        raise UsageError(f"there is no target '{name}'", did_you_mean(name, TARGETS, f"known: {', '.join(TARGETS)}"))
    return cast(Target, importlib.import_module(TARGETS[name]))
