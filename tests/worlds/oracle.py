"""The oracle: what is true of a company, in plain Python over the same rows. It imports nothing of usertrack.

Three values: None is unknown. A fact that a company does not have is `ABSENT`: a condition on it is left out.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

Truth = bool | None


class _Absent:
    """A fact that a company has nowhere, such as credits where nothing costs any."""


ABSENT = _Absent()


class Run(NamedTuple):
    """A run of a workflow, an export, a build. ``ended`` is `ok`, `failed` or another word."""

    at: datetime
    ended: str


BOUNCES = ("Bounce rate",)
LENGTHS = ("Session length, mean", "Session length, median", *BOUNCES)
SESSIONS = ("Sessions per person", *LENGTHS)
"""Figures that are unknown without pageviews, without events of two moments, and without session ids."""


class Act(NamedTuple):
    """An event of a person."""

    at: datetime
    name: str
    page: str = ""


@dataclass
class Person:
    """A human: all accounts and ids that belong to one."""

    key: str
    accounts: int = 0
    signed_up: datetime | None = None
    credits: Any = ABSENT
    plan: Any = ABSENT
    runs: list[Run] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    seen: list[datetime] = field(default_factory=list)  # any other activity that a table notes
    internal: bool = False
    churned: bool = False  # the account says so itself
    deleted: bool = False  # the account was: nobody to act on, in no count of accounts
    anonymous: bool = False  # nobody knows who: counted as a visitor, and in no segment


@dataclass(frozen=True)
class Rules:
    """Thresholds of the five segments, and what their facts are called in this company."""

    many_runs: int = 5
    half: float = 0.5
    full_credits: float = 100
    few_credits: float = 50
    quiet_days: int = 7
    connect: str = "mcp_connect_clicked"
    frustration: tuple[str, ...] = ("$rageclick", "$exception")


Answers = dict[str, dict[str, Any]]  # by call: the figures that `figures.READ` takes from its JSON


def all_of(*conditions: Truth) -> Truth:
    """Kleene's AND."""
    if False in conditions:
        return False
    return None if None in conditions else True


def any_of(*conditions: Truth) -> Truth:
    """Kleene's OR."""
    if True in conditions:
        return True
    return None if None in conditions else False


@dataclass(frozen=True)
class Company:
    """All people, and the moment at which they are looked at. ``has_…``: what the company has at all."""

    now: datetime
    people: Sequence[Person]
    rules: Rules = Rules()
    has_events: bool = True
    has_runs: bool = True
    has_frustration: bool = True

    @property
    def counted(self) -> list[Person]:
        return [person for person in self.people if not person.internal]

    @property
    def known(self) -> list[Person]:
        return [person for person in self.counted if not person.anonymous and not person.deleted]

    def since(self, days: float) -> datetime:
        return self.now - timedelta(days)

    # The five segments

    def members(self) -> dict[str, list[str]]:
        """Who is in which segment."""
        return {
            name: sorted(person.key for person in self.known if rule(person)) for name, rule in self._rules().items()
        }

    def undecided(self) -> dict[str, list[str]]:
        return {
            name: sorted(person.key for person in self.known if rule(person) is None)
            for name, rule in self._rules().items()
        }

    def _rules(self) -> dict[str, Callable[[Person], Truth]]:
        rules = self.rules
        has_credits = any(person.credits is not ABSENT for person in self.people)
        has_clicks = self.has_events and any(act.name == rules.connect for p in self.people for act in p.acts)

        def failing(person: Person) -> Truth:
            ended = Counter(run.ended for run in person.runs)
            finished = ended["ok"] + ended["failed"]
            return finished > rules.many_runs and ended["ok"] / finished < rules.half

        def frustrated(person: Person) -> Truth:
            return any(act.name in rules.frustration and self.since(7) < act.at <= self.now for act in person.acts)

        def high_intent(person: Person) -> Truth:
            clicked = any(act.name == rules.connect and self.since(30) < act.at <= self.now for act in person.acts)
            return all_of(
                clicked, self._credits(person, lambda left: left == rules.full_credits), person.plan != "active"
            )

        def at_risk(person: Person) -> Truth:
            if person.signed_up is None:
                return None if person.accounts else False
            last = max(self._activity(person), default=None)
            return (
                person.signed_up <= self.since(rules.quiet_days)
                and not person.runs
                and (last is None or last <= self.since(7))
            )

        def power(person: Person) -> Truth:
            little = self._credits(person, lambda left: left < rules.few_credits) if has_credits else False
            return any_of(len(person.runs) > rules.many_runs, little)

        found: dict[str, Callable[[Person], Truth]] = {}
        if self.has_runs:
            found["failing"] = failing
        if self.has_frustration:
            found["frustrated"] = frustrated
        if has_clicks:
            found["high_intent"] = high_intent
        if self.has_runs:
            found |= {"at_risk": at_risk, "power": power}
        return found

    @staticmethod
    def _credits(person: Person, holds: Callable[[float], bool]) -> Truth:
        if person.credits is ABSENT:
            return bool(person.accounts)
        return None if person.credits is None else holds(person.credits)

    def _activity(self, person: Person) -> Iterable[datetime]:
        moments = [*(run.at for run in person.runs), *(act.at for act in person.acts), *person.seen]
        return [at for at in moments if at <= self.now]

    # Figures

    def overview(self) -> dict[str, Any]:
        """`query run overview`."""
        people = [
            person
            for person in self.counted
            if person.accounts and not person.deleted and (person.signed_up or self.now) <= self.now
        ]
        return {
            "people": len(people),
            "accounts": sum(person.accounts for person in people),
            "new_people": sum(1 for p in people if p.signed_up and p.signed_up > self.since(7)),
        }

    def failures(self) -> dict[str, Any]:
        """Finished and failed runs of 30 days, and how many people they hit."""
        ended = [
            Counter(run.ended for run in person.runs if self.since(30) <= run.at <= self.now) for person in self.counted
        ]
        return {
            "finished": sum(count["ok"] + count["failed"] for count in ended),
            "failed": sum(count["failed"] for count in ended),
            "people_failed": sum(1 for count in ended if count["failed"]),
        }

    def _on(self, first: date, last: date) -> int:
        """How many people did something between two days, both included."""
        return sum(1 for person in self.counted if any(first <= day <= last for day in self._days(person)))

    def _days(self, person: Person) -> set[date]:
        return {act.at.date() for act in person.acts if act.at <= self.now}

    def activity(self) -> dict[str, Any]:
        """Daily, weekly and monthly active people: those of the last 1, 7 and 30 whole days."""
        today = self.now.date()
        days = {"dau": 1, "wau": 7, "mau": 30}
        return {name: self._on(today - timedelta(days), today - timedelta(1)) for name, days in days.items()}

    def stickiness(self) -> dict[str, Any]:
        """People by the number of days, of the last 14 with today, on which they did something."""
        first = self.now.date() - timedelta(13)
        active = Counter(sum(1 for day in self._days(person) if day >= first) for person in self.counted)
        return {"people": [active[number] for number in range(1, 15)]}

    def lifecycle(self) -> dict[str, Any]:
        """People who did something, by the Monday of each of the last 12 weeks."""
        mondays = [self._monday(self.now.date()) - timedelta(weeks=number) for number in range(12)]
        return {str(monday): self._on(monday, monday + timedelta(6)) for monday in mondays}

    def retention(self) -> dict[str, Any]:
        """By the week in which people did something for the first time: how many came in it and each later one.

        Who comes back in the week that is not over is not known yet.
        """
        mondays = [self._monday(self.now.date()) - timedelta(weeks=number) for number in range(7, -1, -1)]
        weeks = [{self._monday(day) for day in self._days(person)} for person in self.counted]
        return {
            str(monday): [
                None
                if later == mondays[-1] != monday
                else sum(1 for active in weeks if min(active, default=None) == monday and later in active)
                for later in mondays[start:]
            ]
            for start, monday in enumerate(mondays)
        }

    @staticmethod
    def _monday(day: date) -> date:
        return day - timedelta(day.weekday())

    def funnel(self, steps: Sequence[str], days: float = 30, window: float = 14) -> list[int]:
        """How many did the first step in the range, and each later one in order within the window (PostHog's ordered
        funnel: other events may lie between)."""
        reached = [0] * len(steps)
        for person in self.counted:
            acts = [act for act in person.acts if self.since(days) <= act.at <= self.now]
            acts.sort(key=lambda act: act.at)  # the order of ties stays
            furthest = 0
            for start, first in enumerate(acts):
                if first.name != steps[0]:
                    continue
                done, position = 1, start
                while done < len(steps):
                    later = [
                        number
                        for number in range(position + 1, len(acts))
                        if acts[number].name == steps[done] and acts[number].at <= first.at + timedelta(window)
                    ]
                    if not later:
                        break
                    done, position = done + 1, later[0]
                furthest = max(furthest, done)
            for step in range(furthest):
                reached[step] += 1
        return reached

    def lifecycle_set(self) -> dict[str, int]:
        """How many known people are in each segment of the set `lifecycle`: who is in one is in no later one."""
        found = Counter(self._life(person) for person in self.known)
        names = ("new",) * any(person.signed_up for person in self.people)
        names += ("champion", "power_user", "active", "at_risk", "lapsed", "dormant")
        return {name: found[name] for name in names if name != "lapsed" or self.has_runs or found[name]}

    def _life(self, person: Person) -> str:
        moments = list(self._activity(person))
        idle = (self.now - max(moments)).days if moments else None
        recent = sum(1 for at in moments if at > self.since(30))
        if person.signed_up and (self.now - person.signed_up).days < 7:
            return "new"
        if person.churned:
            return "lapsed"
        if idle is None or idle > 30:
            return "lapsed" if any(run.at <= self.now for run in person.runs) else "dormant"
        if recent >= 100 and idle <= 7:
            return "champion"
        if recent >= 30 and idle <= 14:
            return "power_user"
        return "active" if idle <= 14 else "at_risk"

    def unknown(self, sessions: Sequence[str] = (), **more: Sequence[str]) -> dict[str, Sequence[str]]:
        """What nobody can know, by call: who came back where the log is young, and these figures of ``sessions``."""
        history = self.now - min(act.at for person in self.people for act in person.acts)
        came_back = ("Returning", "Resurrected", "Churned") if history < timedelta(59) else ()
        churn = ("churn rate:",) if history < timedelta(60) else ()
        activity = dict.fromkeys(["activity", "report activity", "/activity"], (*came_back, *sessions))
        return {**activity, "sessions": sessions, "churn": churn, **more}

    def answers(self, **more: dict[str, Any]) -> Answers:
        """What each command says."""
        members = self.members()
        found: dict[str, dict[str, Any]] = {
            "segments": {name: len(people) for name, people in members.items()},
            "segments --all-members": dict(members),
            "segments --set": self.lifecycle_set(),
        }
        if self.has_events:
            found |= {
                "activity": self.activity(),
                "stickiness": self.stickiness(),
                "lifecycle": self.lifecycle(),
                "retention": self.retention(),
            }
        if any(person.accounts for person in self.people):
            found["query run"] = self.overview()
        if self.has_runs:
            found["failures"] = self.failures()
        return {**found, **more}
