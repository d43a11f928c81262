"""Draws what is live as HTML. A row that has not changed is drawn once, for all viewers and all screens."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from uuid import uuid4
from zoneinfo import ZoneInfo

from usertrack.core.words import age_words, number, plural, shortened
from usertrack.live.alerts.cards import CALL, link_url
from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.notifications import Notifications
from usertrack.live.alerts.stats import ANSWERED_WITHIN
from usertrack.live.alerts.view import by_urgency, person_words
from usertrack.live.signals.active import ActivePerson
from usertrack.web.links import in_path
from usertrack.web.live.scene import AWAY, MOST_LINES, Choice, FeedLine, OnePerson, Scene, View
from usertrack.web.live.screens import Rows, Screen
from usertrack.web.live.timeline import Line, lines
from usertrack.web.live.words import deed_on_page, how_long, is_trouble, name_of
from usertrack.web.shell import template

_MOST, _MOST_ALERTS = 60, 20  # rows at the most: how many others there are is said

_MOST_DRAWN = 5_000  # rows
_STEP = 15  # seconds: so old may an age be in the HTML; the page's script counts on


class Drawing:
    """Draws the screens of one workspace, in whose ``timezone`` times are; ``call_url`` is that of patterns.yaml."""

    def __init__(self, settings: Notifications, timezone: str) -> None:
        self._settings = settings
        self._zone = ZoneInfo(timezone)
        self._rows: dict[tuple[str, str], tuple[object, str]] = {}
        self._run, self._numbers = uuid4().hex[:8], count(1)

    def screen(self, scene: Scene, view: View) -> Screen:
        """Return the screen of somebody with that view."""
        texts, lists = self._one_person(scene, view) if isinstance(view, OnePerson) else self._everybody(scene, view)
        if len(self._rows) > _MOST_DRAWN:
            self._rows.clear()
        shown = {place: str(html) for place, html in texts.items()}
        return Screen(f"{self._run}-{next(self._numbers)}", scene.now, shown, lists)

    def _everybody(self, scene: Scene, choice: Choice) -> "Content":
        people, alerts = choice.people(scene), by_urgency(scene.listed, scene.now)
        # alerts by whom they are about, in the same order; an incident stands by itself
        cards: dict[str, list[Alert]] = {}
        for alert in alerts:
            cards.setdefault(alert.person or alert.key, []).append(alert)
        tiers = sorted({str(tier) for person in scene.active if (tier := scene.facts(person.person).get("tier"))})
        draw = template("live_places.html.j2").module
        texts = {
            "live-summary": draw.summary(
                len(scene.active), scene.number_in_need, scene.rate, scene.has_begun, _is_known(scene)
            ),
            "live-events": f"{plural(scene.events, 'event')}",
            "live-notice": self._notice(scene),
            "live-alerts-rest": draw.rest(len(cards) - _MOST_ALERTS) if len(cards) > _MOST_ALERTS else "",
            "live-alerts-none": "" if alerts else draw.no_alerts(scene.is_watched),
            "live-people-rest": draw.rest(len(people) - _MOST) if len(people) > _MOST else "",
            "live-people-none": "" if people else draw.nobody(len(scene.active), scene.has_begun),
            "live-tiers": draw.tiers(tiers, choice.tier),
        }
        lists: dict[str, Rows] = {
            "live-alerts": {
                key: self._card(key, alerts_of_one, scene) for key, alerts_of_one in islice(cards.items(), _MOST_ALERTS)
            },
            "live-people": {person.person: self._person(person, scene) for person in people[:_MOST]},
            "live-feed": {str(line.number): self._feed_line(line, scene) for line in scene.feed},
        }
        return texts, lists

    def _one_person(self, scene: Scene, view: OnePerson) -> "Content":
        facts, history = scene.facts(view.person), lines(scene.history(view.person))
        alerts = [alert for alert in by_urgency(scene.alerts, scene.now) if alert.person == view.person]
        active = next((person for person in scene.active if person.person == view.person), None)
        draw = template("live_places.html.j2").module
        latest = history[0].last if history else None
        session = latest.session if latest else ""
        age = timedelta(seconds=(scene.now.timestamp() - latest.at) // _STEP * _STEP) if latest else timedelta()
        texts = {
            "live-person": draw.person(
                facts=_known(facts),
                active=active,
                last=datetime.fromtimestamp(latest.at, UTC) if latest else None,
                age=age_words(age),
                route=active.route if active else "",
                has_begun=scene.has_begun,
                key=str(facts.get("email") or ""),
                call=link_url(self._settings.call_url, view.person, session, facts),
                call_label=CALL,
            ),
            "live-notice": self._notice(scene),
            "live-alerts-none": "" if alerts else draw.no_alert_of_person(),
            "live-timeline-rest": draw.more_lines(len(history), view.lines, MOST_LINES) if history else "",
            "live-timeline-none": "" if history else draw.nothing_done(scene.has_begun),
        }
        lists: dict[str, Rows] = {
            "live-alerts": {alert.key: self._card(alert.key, [alert], scene) for alert in alerts},
            "live-timeline": {entry.first.uuid: self._line(entry) for entry in history[: view.lines]},
        }
        return texts, lists

    def _notice(self, scene: Scene) -> str:
        deaf_since = self._clock(scene.deaf_since) if scene.deaf_since else ""
        return str(template("live_places.html.j2").module.notice(scene.problem, scene.is_watched, deaf_since))

    def _line(self, line: Line) -> str:
        def values() -> dict[str, object]:
            first, last = (datetime.fromtimestamp(occurrence.at, self._zone) for occurrence in (line.first, line.last))
            return {
                "key": line.first.uuid,
                "at": last,
                "clock": self._clock(last),
                "day": f"{last:%a} {last.day} {last:%b}",
                "deed": deed_on_page(line.last),
                "route": line.first.route,
                "how_long": how_long(line.last, line.times, age_words(last - first)),
                "begins": line.begins,
                "is_trouble": is_trouble(line.last),
            }

        return self._drawn("timeline_row", line.first.uuid, (line.last.uuid, line.times, line.begins), values)

    def _drawn(self, kind: str, key: str, signature: object, draw: Callable[[], Mapping[str, object]]) -> str:
        known = self._rows.get((kind, key))
        if known and known[0] == signature:
            return known[1]
        html = str(getattr(template("live_rows.html.j2").module, kind)(**draw()))
        self._rows[kind, key] = signature, html
        return html

    def _person(self, person: ActivePerson, scene: Scene) -> str:
        needs_help = person.person in scene.in_need
        facts, age = scene.facts(person.person), scene.now - person.last_at()
        is_away = age >= AWAY
        signature = (person, facts.get("email"), facts.get("tier"), needs_help, is_away, age.seconds // _STEP)

        def values() -> dict[str, object]:
            return {
                "person": person.person,
                "who": name_of(person.person, facts),
                "tier": _text(facts.get("tier")),
                "route": person.route,
                "last": person.last_at(),
                "age": age_words(age),
                "events": number(person.events),
                "came": self._clock(datetime.fromtimestamp(person.since, UTC)),
                "needs_help": needs_help,
                "is_away": is_away,
            }

        return self._drawn("person_row", person.person, signature, values)

    def _card(self, key: str, alerts: Sequence[Alert], scene: Scene) -> str:
        """The ``alerts`` of one person, the most urgent first. Its age is that of the one that waits longest."""
        is_open = [scene.is_open(alert) for alert in alerts]
        alert = alerts[0]
        waiting = [listed_alert for listed_alert, waits in zip(alerts, is_open, strict=True) if waits] or [alert]
        since = min(waiting_alert.fired_at or waiting_alert.started_at for waiting_alert in waiting)
        age = scene.now - since
        signature = (*alerts, *is_open, age.total_seconds() // _STEP)

        def values() -> dict[str, object]:
            limit = ANSWERED_WITHIN.total_seconds()
            return {
                "key": key,
                "alert": alert,
                "who": shortened(person_words(alert), 80),
                "reasons": [
                    self._reason(listed_alert, scene.now, is_attended=is_open[0] and not waits)
                    for listed_alert, waits in zip(alerts, is_open, strict=True)
                ],
                "tier": _text(alert.facts.get("tier")),
                "waiting": " ".join(in_path(waiting_alert.key) for waiting_alert in waiting),
                "all": " ".join(in_path(listed_alert.key) for listed_alert in alerts),
                "since": since,
                "age": age_words(age),
                "seconds": min(max(age.total_seconds(), 0), limit),
                "limit": limit,
                "left": age_words(ANSWERED_WITHIN - age) if age < ANSWERED_WITHIN else "",
                "late": age_words(age - ANSWERED_WITHIN) if age >= ANSWERED_WITHIN else "",
                "is_open": is_open[0],
                "attended": self._attended(alert, scene.now),
                "call": link_url(self._settings.call_url, alert.person, alert.session, alert.facts),
                "call_label": CALL,
            }

        return self._drawn("alert_row", key, signature, values)

    def _reason(self, alert: Alert, now: datetime, *, is_attended: bool) -> Mapping[str, str]:
        """Why, on which page, and who looks after it where that is not so of all of a card."""
        page = _text(alert.facts.get("page"))
        return {
            "key": alert.key,
            "because": shortened(alert.because, 400),
            "page": "" if page in alert.because else shortened(page, 80),
            "attended": self._attended(alert, now) if is_attended else "",
        }

    def _attended(self, alert: Alert, now: datetime) -> str:
        if alert.snoozed_until and alert.is_snoozed(now):
            return f"snoozed until {self._clock(alert.snoozed_until)} by {alert.snoozed_by}"
        return f"taken up by {alert.acknowledged_by}"

    def _feed_line(self, line: FeedLine, scene: Scene) -> str:
        occurrence = line.occurrence
        facts = scene.facts(occurrence.person)

        def values() -> dict[str, object]:
            at = datetime.fromtimestamp(occurrence.at, UTC)
            return {
                "number": line.number,
                "at": at,
                "clock": self._clock(at),
                "person": occurrence.person,
                "who": name_of(occurrence.person or occurrence.distinct_id, facts),
                "deed": deed_on_page(occurrence),
                "route": occurrence.route,
                "times": line.times,
                "is_trouble": is_trouble(occurrence),
            }

        return self._drawn("feed_row", str(line.number), (line.times, facts.get("email")), values)

    def _clock(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%H:%M:%S}"


Content = tuple[Mapping[str, object], Mapping[str, Rows]]


def _is_known(scene: Scene) -> bool:
    """Whether it is known who is here: before the first events, a source that fails tells nothing."""
    return bool(scene.active or scene.events or not scene.problem)


def _known(facts: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return the known facts of a person, by name."""
    return [(name.replace("_", " "), str(value)) for name, value in facts.items() if value not in (None, "")]


def _text(value: object) -> str:
    return "" if value is None else str(value)
