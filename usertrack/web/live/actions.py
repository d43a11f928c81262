"""Actions on alerts from a page: take up, snooze, resolve. Two people who do the same at once are both told."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta

from usertrack.core.errors import UsageError
from usertrack.core.words import age_words, parse_age
from usertrack.live.alerts.desk import Desk, TooLateError
from usertrack.live.alerts.ids import alert_of
from usertrack.live.alerts.store import AlertStore
from usertrack.live.alerts.view import person_words
from usertrack.web.live.board import notifications
from usertrack.workspace.settings import Settings
from usertrack.workspace.state import state_folder

ACTIONS = ("acknowledge", "snooze", "resolve")
_SNOOZE = timedelta(hours=1)
_OUTCOMES = 200  # texts for pages that are loaded again: bounds the memory, the oldest go


@contextmanager
def open_desk(settings: Settings, now: datetime) -> Iterator[Desk]:
    """The alerts of the workspace, or of the demo."""
    with closing(AlertStore(state_folder(settings, now))) as store:
        yield Desk(store, notifications(settings))


def act(desk: Desk, action: str, id_: str, who: str, now: datetime, comment: str = "", snooze: str = "") -> str:  # noqa: PLR0913
    """Do it, and say what is so then; where somebody was faster, nothing is changed. Raises UsageError."""
    if action not in ACTIONS:
        raise UsageError(f"'{action}' is nothing that can be done with an alert", f"known: {', '.join(ACTIONS)}")
    alert = desk.store.alert(id_) or alert_of(id_, desk.alerts(everything=True))
    whom = person_words(alert)
    try:
        if action == "acknowledge":
            desk.acknowledge(alert.key, who, now, comment)
            return f"{whom}: you look after it"
        if action == "snooze":
            span = parse_age(snooze) if snooze else _SNOOZE
            desk.snooze(alert.key, now + span, who, now, comment)
            return f"{whom}: nobody is told for {age_words(span)}"
        desk.resolve(alert.key, who, now, comment)
        return f"{whom}: it is over"
    except TooLateError:
        alert = desk.alert(alert.key)
        if alert.is_resolved:
            return f"{whom}: it was over already, {_ago(alert.resolved_at, now)}"
        return f"{whom}: {alert.acknowledged_by} took it up {_ago(alert.acknowledged_at, now)}"


def _ago(at: datetime | None, now: datetime) -> str:
    return f"{age_words(now - at)} ago" if at else "before"


class Outcomes:
    """The outcomes of actions, for the page that follows: by the key that its address has."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def add(self, text: str) -> str:
        """The key under which ``text`` is known for a while."""
        while len(self._texts) >= _OUTCOMES:
            del self._texts[next(iter(self._texts))]
        key = secrets.token_urlsafe(6)
        self._texts[key] = text
        return key

    def text(self, key: str) -> str:
        """Nothing for a key that is not known any more."""
        return self._texts.get(key, "")
