"""A signal: what the engine of patterns says of one person, and alerts act on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

CRITICAL, INFO = "critical", "info"
SEVERITIES = (CRITICAL, "warning", INFO)


def urgency(severity: str) -> int:
    """The place of ``severity`` in a list with the most urgent first; one that is unknown comes last."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


class SignalState(StrEnum):
    """The states of a signal, as in Prometheus and Grafana."""

    PENDING = "pending"
    """The condition holds, but not yet for as long as the pattern's ``for`` asks."""

    FIRING = "firing"

    RECOVERING = "recovering"
    """The condition holds no longer, but the pattern's ``keep_firing_for`` is not over."""

    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Signal:
    """A change of state of one pattern for one person and session."""

    pattern: str
    """Its id in patterns.yaml."""

    person: str
    """PostHog's person id, or the distinct_id where there is none; "" for an incident, which is about many people."""

    session: str
    """"" where the pattern is not about a session."""

    state: SignalState

    at: datetime
    """UTC: the time of the deciding event or deadline."""

    severity: str
    """info, warning or critical."""

    because: str
    """The reason as one sentence, with its facts."""

    facts: Mapping[str, object]
    """name, email, tier, page, seconds_on_page, events, errors, last_active_at, …, and the rule's own."""

    labels: Mapping[str, str]
    """pattern, severity, tier, route, fingerprint …: what an incident and an Alertmanager go by."""

    events: tuple[str, ...]
    """The uuids of the events that decided."""

    value: str = ""
    """What tells alerts of one pattern and person apart, such as the kind of error; "" where there is one at a time."""

    @property
    def key(self) -> str:
        """Equal for all signals about one alert: ``pattern:person:session``, and ``:value`` where there is one."""
        return ":".join([self.pattern, self.person, self.session, *([self.value] if self.value else [])])
