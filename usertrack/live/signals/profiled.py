"""The audience of patterns as the profiles of a moment have it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from usertrack.core.errors import UsertrackError
from usertrack.core.spool import SpooledRows, identifier
from usertrack.core.table import Table
from usertrack.engine.runner import Runner
from usertrack.live.signals.audience import UndecidedAudience
from usertrack.live.signals.facts import Questions, questions
from usertrack.live.signals.patterns import Pattern, Patterns
from usertrack.segments.classify import classify
from usertrack.segments.expressions import bracketed
from usertrack.segments.keys import normalised
from usertrack.segments.profiles import Profiles, join_profiles, profile_statements
from usertrack.segments.rules import Rules

REFRESH = timedelta(minutes=5)
"""So old may be what is known of people beside events."""

_PEOPLE = "posthog/signal_people"


class Profiled:
    """An audience from the profiles of one moment. ``notes`` say what is unknown in this run, and why.

    A pattern with a condition is not about a visitor without a profile. Where a source is down, it is unknown.
    """

    def __init__(self, ask: Questions, key: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        """``rows`` are: person, key, a value for each of ``names``, and for each condition whether it is met."""
        self.notes = [f"{name}: undecided for some, because {cause}" for name, cause in ask.unknown.items()]
        self.notes += [f"{name}: left out, it rests on {cause}, absent here" for name, cause in ask.left_out.items()]
        self._names = (key, *names)
        self._facts = {row[0]: row[1 : 2 + len(names)] for row in rows}
        self._unknown, self._left_out = set(ask.unknown), set(ask.left_out)
        asked = [*ask.conditions, *(name for name in ask.members if name not in ask.conditions)]
        self._asked = {*asked, *self._unknown, *self._left_out}
        begin = 2 + len(names)
        self._met = {
            name: {row[0]: row[begin + place] for row in rows if row[begin + place] is not False}
            for place, name in enumerate(asked)
        }

    def includes(self, pattern: Pattern, person: str) -> bool | None:
        if pattern.id not in self._asked:
            return True
        if pattern.id in self._left_out:
            return False
        has_no_profile_yet = pattern.id in self._unknown and person not in self._facts
        met: bool | None = self._met[pattern.id].get(person, None if has_no_profile_yet else False)
        return met

    def facts(self, person: str) -> Mapping[str, object]:
        values = self._facts.get(person)
        return dict(zip(self._names, values, strict=True)) if values else {}


def read_audience(runner: Runner, rules: Rules, patterns: Patterns) -> Profiled | UndecidedAudience:
    """The audience of ``patterns`` as of now; ``rules`` are those of people, as they apply here.

    Raises UsageError with file and line for a condition that cannot be asked.
    """
    statements = [*profile_statements(runner, rules), runner.bind(_PEOPLE)]
    *profile_answers, people = runner.run(statements)
    if isinstance(people, UsertrackError):
        return UndecidedAudience(people.message)
    try:
        profiles = join_profiles(runner, rules, profile_answers)
    except UsertrackError as error:
        if error.exit_code == 2:
            raise
        return UndecidedAudience(error.message)
    return _profiled(profiles, questions(patterns, profiles, runner.library), people)


def _profiled(profiles: Profiles, ask: Questions, people: Table) -> Profiled:
    assert isinstance(people.rows, SpooledRows)
    key, run = identifier(profiles.key), profiles.connection.execute
    facts = [f"{bracketed(sql)} AS fact_{number}" for number, sql in enumerate(ask.facts.values())]
    met = {name: f"met_{number}" for number, name in enumerate(ask.conditions)}
    conditions = [f"{bracketed(ask.conditions[name])} AS {column}" for name, column in met.items()]
    run(f"CREATE TABLE asked AS SELECT {', '.join([key, *facts, *conditions])} FROM profile")
    joins = []
    for number, (name, (set_name, segment)) in enumerate(ask.members.items()):
        classification = classify(profiles, profiles.rules.sets[set_name])
        if cause := classification.count(segment).unknown:
            ask = replace(ask, unknown={**ask.unknown, name: cause})
        run(f"CREATE TABLE members_{number} AS SELECT {key}, {identifier(f'in {segment}')} AS is_in FROM flagged")
        joins.append(f"JOIN members_{number} USING ({key})")
        met[name] = " AND ".join(filter(None, [met.get(name), f"members_{number}.is_in"]))
    its_key = normalised(f"CAST({key} AS VARCHAR)", profiles.key)
    ids = "unnest(string_split(ids, ' ')) AS id"
    of_people = f"(SELECT {ids}, {its_key} AS {key} FROM {people.rows.scan()}) JOIN asked USING ({key})"
    columns = ["id", key, *(f"fact_{number}" for number in range(len(facts))), *met.values()]
    rows = run(f"SELECT {', '.join(columns)} FROM {of_people} {' '.join(joins)}").fetchall()
    return Profiled(ask, profiles.key, list(ask.facts), rows)
