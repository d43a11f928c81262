"""Budgets of messages to a channel: about one person, about one pattern, and in all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.model import CRITICAL
from usertrack.live.alerts.notifications import PATTERN, PERSON, Budget
from usertrack.live.alerts.tracked import Tracked

CHANNEL = "channel"


@dataclass(frozen=True)
class Spending:
    """When messages were sent that still count."""

    of: str
    """The budget: person, pattern or channel."""

    times: tuple[datetime, ...]


class Rationing:
    """``spending`` is by channel, budget and name: one person's on Slack is not that on e-mail."""

    def __init__(self, budgets: Mapping[str, Budget], spending: Tracked[Spending]) -> None:
        self._budgets = budgets
        self._spending = spending

    def spend(self, channel: str, news: Sequence[Alert], now: datetime) -> list[Alert]:
        """Count one message about ``news``. Returns the alerts that are beyond a budget, which it must not tell.

        What is critical counts, and is never beyond one: the trifles before it shall not hold it back.
        """
        over = [alert for alert in news if not self._affords(channel, alert, now)]
        affordable = [alert for alert in news if alert not in over]
        if affordable:
            self._count(channel, CHANNEL, "", now)
        for name in dict.fromkeys(alert.person for alert in affordable if alert.person):
            self._count(channel, PERSON, name, now)
        for name in dict.fromkeys(alert.pattern for alert in affordable):
            self._count(channel, PATTERN, name, now)
        return over

    def forget(self, now: datetime) -> None:
        for key, spending in list(self._spending.items()):
            budget = self._budgets.get(spending.of)
            if budget is None or now - spending.times[-1] >= budget.within:
                del self._spending[key]

    def _affords(self, channel: str, alert: Alert, now: datetime) -> bool:
        if alert.severity == CRITICAL:
            return True
        person = not alert.person or self._is_left(channel, PERSON, alert.person, now)
        return (
            person and self._is_left(channel, PATTERN, alert.pattern, now) and self._is_left(channel, CHANNEL, "", now)
        )

    def _is_left(self, channel: str, of: str, name: str, now: datetime) -> bool:
        budget = self._budgets.get(of)
        return budget is None or len(self._recent(channel, of, name, now)) < budget.messages

    def _recent(self, channel: str, of: str, name: str, now: datetime) -> tuple[datetime, ...]:
        spending, budget = self._spending.get(f"{channel}|{of}|{name}"), self._budgets[of]
        return tuple(spent_at for spent_at in spending.times if now - spent_at < budget.within) if spending else ()

    def _count(self, channel: str, of: str, name: str, now: datetime) -> None:
        if of in self._budgets:
            times = (*self._recent(channel, of, name, now), now)
            self._spending[f"{channel}|{of}|{name}"] = Spending(of, times)
