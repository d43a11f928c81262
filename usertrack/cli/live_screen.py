"""The screen of `usertrack live`: who needs help, who is active and where; and the keys that change it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from usertrack.alerts.life import Alert
from usertrack.alerts.view import by_urgency, people_in_need, person_words
from usertrack.core.words import age_words, plural
from usertrack.render.safe import visible
from usertrack.signals.active import ActivePerson

if TYPE_CHECKING:
    from rich.console import RenderableType

_NARROW = 100  # columns: below it, a tier is left out
_COLOURS = {"critical": "bold red", "warning": "dark_orange3", "info": "dodger_blue2"}  # legible on white and on black
EVERYBODY, NEEDS_HELP = "everybody", "needs help"


@dataclass(frozen=True)
class Seen:
    """What there is to show at ``now``. ``facts`` are of active people, by their id."""

    now: datetime
    alerts: Sequence[Alert]
    active: Sequence[ActivePerson]
    facts: Mapping[str, Mapping[str, Any]]
    rate: float

    @property
    def tiers(self) -> list[str]:
        return sorted({str(facts["tier"]) for facts in self.facts.values() if facts.get("tier")})

    def headline(self) -> str:
        waiting = [each for each in self.alerts if not each.acknowledged_at and not each.is_snoozed(self.now)]
        needs = f"{plural(people_in_need(waiting), 'person needs', 'people need')} help"
        return f"{self.now:%H:%M:%S} UTC · {len(self.active)} active · {needs} · {self.rate:.1f} events/s"


@dataclass
class Screen:
    """``chosen`` is the key of the alert that keys act on, wherever it moves; "" is the first.

    ``filter`` is everybody, needs help, or a tier.
    """

    filter: str = EVERYBODY
    chosen: str = ""
    message: str = ""
    shown: list[Alert] = field(default_factory=list)

    def next_filter(self, seen: Seen) -> None:
        filters = [EVERYBODY, NEEDS_HELP, *seen.tiers]
        place = filters.index(self.filter) if self.filter in filters else -1
        self.filter = filters[(place + 1) % len(filters)]

    def move(self, steps: int) -> None:
        if self.shown:
            place = max(0, min(len(self.shown) - 1, self._place() + steps))
            self.chosen = self.shown[place].key

    @property
    def alert(self) -> Alert | None:
        return self.shown[self._place()] if self.shown else None

    def _place(self) -> int:
        keys = [alert.key for alert in self.shown]
        return keys.index(self.chosen) if self.chosen in keys else 0

    def draw(self, seen: Seen, width: int, height: int) -> "RenderableType":
        """At most ``height`` lines of ``width`` columns."""
        from rich.console import Group
        from rich.text import Text

        self.shown = [alert for alert in by_urgency(seen.alerts, seen.now) if self._has(alert.facts)]
        self.move(0)
        room = max(2, height - 4)
        most = max(1, room * 2 // 3)
        first = max(0, self._place() - most + 1)  # the chosen one can be seen
        alerts = self.shown[first : first + most]
        active = [] if self.filter == NEEDS_HELP else self._active(seen)[: room - len(alerts)]
        lines = [Text(seen.headline(), style="bold", no_wrap=True, overflow="ellipsis"), Text()]
        lines += [self._alert_line(alert, seen.now, width) for alert in alerts]
        lines += [_person_line(each, seen, width) for each in active]
        if not alerts and not active:
            lines.append(Text("  Nobody is here now.", style="dim"))
        keys = visible(f" [f] {self.filter}  [↑↓] choose  [a] ack  [s] snooze 1 h  [q] quit   {self.message}")
        return Group(*lines, Text(), Text(keys, style="dim", no_wrap=True, overflow="ellipsis"))

    def _has(self, facts: Mapping[str, Any]) -> bool:
        return self.filter in (EVERYBODY, NEEDS_HELP) or facts.get("tier") == self.filter

    def _active(self, seen: Seen) -> list[ActivePerson]:
        in_need = {alert.person for alert in self.shown}
        rest = [each for each in seen.active if each.person not in in_need]
        return [each for each in rest if self._has(seen.facts.get(each.person, {}))]

    def _alert_line(self, alert: Alert, now: datetime, width: int) -> Any:
        from rich.text import Text

        state = alert.state(now).value
        label = "needs help" if not alert.acknowledged_at and state != "snoozed" else state
        age = age_words(now - (alert.fired_at or alert.started_at))
        style = _COLOURS.get(alert.severity, "") if label == "needs help" else "dim"
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append("› " if alert.key == self.chosen else "  ", "bold")
        line.append(f"● {_label(label, width)}{age:>7}  ", style)
        line.append(_columns(person_words(alert), alert.facts, alert.facts.get("page"), width))
        line.append(visible(alert.because))
        line.truncate(width, overflow="ellipsis")
        return line


def _person_line(person: ActivePerson, seen: Seen, width: int) -> Any:
    from rich.text import Text

    facts = seen.facts.get(person.person, {})
    who = str(facts.get("email") or facts.get("name") or f"visitor {person.person[:8]}")
    age = age_words(seen.now - person.last_at())
    line = Text(f"  ○ {_label('active', width)}{age:>7}  ", no_wrap=True, overflow="ellipsis")
    line.append(_columns(who, facts, person.route, width))
    line.append(plural(person.events, "event"), "dim")
    line.truncate(width, overflow="ellipsis")
    return line


def _columns(who: str, facts: Mapping[str, Any], page: object, width: int) -> str:
    """Who, in which tier, on which page, in columns that fit the terminal."""
    widths = (28, 6, 24) if width >= _NARROW else (24, 0, 16)
    texts = (who, str(facts.get("tier") or ""), str(page or ""))
    cells = [_cell(visible(text), size) for text, size in zip(texts, widths, strict=True) if size]
    return " ".join(cells) + " "


def _cell(text: str, size: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return set_cell_size(text, size) if cell_len(text) <= size else f"{set_cell_size(text, size - 1)}…"


def _label(label: str, width: int) -> str:
    """The state in words; where there is no room for it, the sign before it and the age say enough."""
    return f"{label:<12} " if width >= _NARROW else ""


def plain_lines(seen: Seen, before: set[str]) -> list[str]:
    """What is new since those alerts, for a pipe or a file: the headline, and a line for each alert."""
    new = [alert for alert in by_urgency(seen.alerts, seen.now) if alert.key not in before]
    return [seen.headline(), *map(_plain_line, new)]


def _plain_line(alert: Alert) -> str:
    page = alert.facts.get("page") or "–"
    return f"  {alert.severity} · {person_words(alert)} · {page} · {alert.because}"
