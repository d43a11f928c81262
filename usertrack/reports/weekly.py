"""Gathers the weekly report: asks all its queries together.

Its moment is the end of the week, or now in a week that is not over. Apart from facts that the sources know only as of
today, the report does not depend on when it is made.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from usertrack.core.document import Origin
from usertrack.core.errors import QueryError, SourceBusy, UsertrackError, is_unknown
from usertrack.core.ordinary import MOST_WEEKS
from usertrack.core.period import Week
from usertrack.core.source_names import POSTGRES
from usertrack.core.table import Table
from usertrack.engine.runner import Answer, Done, Result, Runner
from usertrack.engine.unavailable import NotCached
from usertrack.failures.investigation import Investigation, Unused, investigate
from usertrack.library.entities import ACCOUNTS
from usertrack.library.library import Statement
from usertrack.library.own_words import PLAIN, OwnWords
from usertrack.product.scorecard.numbers import Scorecard, scorecard, scored_metrics
from usertrack.segments.classify import Classification
from usertrack.segments.history.ordinary import FIGURES
from usertrack.segments.history.snapshots import WEEK
from usertrack.segments.history.week_ago import Moves, WeekAgoQuery, ask_both, classify_both

DAYS = 7  # of the scorecard: those of the week, once it is over
REACH = 8  # days that windows which begin with the week reach back: one of its days may have 25 hours

NOTHING = "nothing"  # the one step that rests on all entities
STEPS = {
    "signed_up": "signed up",
    "run": "started {a workflow_run}",
    "run_ok": "had {a run} completed",
    "run_failed": "had {a run} fail",
    "call": "called {a tool}",
    "code": "ran {code}",
    "agent": "ran {an agent}",
    "custom_tool": "built {a custom_tool}",
    NOTHING: "nothing else in Postgres yet",
}
"""What neon/new_users counts, in words."""
COUNTED = ("traffic", "sign_up_days", "run_days")
"""Parts with a row a day, whose weeks are compared with those before: see `weekly_facts.week_count`."""
_APART = ("new_users", "newest_rows")
"""Parts of which a row rests on one entity alone, and its first column says on which."""


@dataclass(frozen=True)
class Weekly:
    """``parts`` by name as in `_parts`; parts without an answer are in ``missing``, with the reason.

    What rests on something that is absent here is in neither; ``scores`` and ``failures`` are `Absent` then. Where an
    entity cannot be read, the rows that rest on others are in ``parts``, and the entity is in ``missing``.

    ``figures`` is how many of the page are compared with their past weeks.
    ``as_of`` is the moment of the report, ``now`` the moment at which the sources were asked. ``labels`` are what
    people call events, by their names.
    """

    week: Week
    as_of: datetime
    now: datetime
    classification: Classification
    moved: Moves
    parts: Mapping[str, Table]
    statements: Mapping[str, Statement]
    missing: Mapping[str, str]
    scores: Scorecard | UsertrackError
    failures: Investigation | UsertrackError
    figures: int
    words: OwnWords = PLAIN
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return self.as_of >= self.week.until

    @property
    def incomplete(self) -> bool:
        """Whether a part is missing because a source did not answer."""
        missing = self.classification.profiles.incomplete or bool(self.missing)
        unknown = any(is_unknown(part) for part in (self.failures, self.scores))
        return missing or unknown or (isinstance(self.scores, Scorecard) and self.scores.missing)

    @property
    def traffic_unit(self) -> str:
        """The unit of traffic: ``visits``, or ``pageviews`` if the visits of a day of the week are unknown."""
        days = {row["day"]: row for row in self.parts["traffic"].dicts()}
        return "pageviews" if any(days[day]["visits"] is None for day in self.week.days if day in days) else "visits"

    def origins(self, *parts: str) -> tuple[Origin, ...]:
        """The queries of ``parts``, but for those that rest on what is absent here."""
        return tuple(_origin(self.statements[part], self.as_of) for part in parts if part in self.statements)


def _origin(statement: Statement, as_of: datetime) -> Origin:
    params = statement.query.params if statement.query else {}
    values = {name: value for name, value in statement.values.items() if name in params}
    return Origin(statement.name, values, statement.source, as_of)


def moments(week: Week, now: datetime) -> tuple[datetime, datetime]:
    """The last moment of the week, or ``now`` while it is not over; and the one a week before that."""
    return (week.until, week.before.until) if week.until <= now else (now, now - WEEK)


def gather(
    runner: Runner,
    week: Week,
    sought: WeekAgoQuery,
    done: Done | None = None,
    metrics: Sequence[str] = (),
    labels: Mapping[str, str] = MappingProxyType({}),
) -> Weekly:
    """Ask everything and classify people; ``metrics`` are those of the scorecard, all unless named.

    Raises a UsertrackError when there are no profiles at all.
    """
    now = runner.at(sought.as_of)
    queries = _parts(week)
    present = runner.library.present(query for query, _ in queries.values())
    parts = {name: now.bind(query, params) for name, (query, params) in queries.items() if query in present}
    # those of segments with or without a history, so that whoever verifies the report has the same limits
    counted, of_segments = len([part for part in COUNTED if part in parts]), FIGURES * len(sought.segment_set.segments)
    scored = len(scored_metrics(runner.library, metrics))
    profiles, answers = ask_both(runner, sought, list(parts.values()), done)
    by_part = dict(zip(parts, answers, strict=True))
    for name in _APART:
        if isinstance(by_part.get(name), QueryError | SourceBusy | NotCached):  # not where the source is away
            by_part |= _apart(now, name, *queries[name])
    with ThreadPoolExecutor(1) as asking:  # the sources go on answering while DuckDB sorts people
        asked_scores = asking.submit(scorecard, now, metrics, days=DAYS, beside=counted + of_segments, done=done)
        investigated = asking.submit(investigate, now, days=REACH, since=week.since)
        classification, moved = classify_both(profiles, beside=scored + counted)
    scores, failures = _answer_of(asked_scores), _answer_of(investigated)
    assert not isinstance(failures, Unused)  # only a person can fail to use a tool
    return Weekly(
        week=week,
        as_of=sought.as_of,
        now=runner.now,
        classification=classification,
        moved=moved,
        parts={name: answer for name, answer in by_part.items() if isinstance(answer, Table)},
        statements=parts,
        missing={name: answer.message for name, answer in by_part.items() if isinstance(answer, UsertrackError)},
        scores=scores,
        failures=failures,
        figures=scored + counted + of_segments,
        words=runner.library.words,
        labels=labels,
    )


def _apart(runner: Runner, part: str, query: str, params: Mapping[str, Any]) -> dict[str, Answer]:
    """Return the rows of ``part`` that rest on entities that can be read, and by entity why another one cannot.

    The query is asked with each entity alone, after one of them has failed it.
    """
    library = runner.library
    entities = [name for name in library.entities.present if name != ACCOUNTS.name]
    lone = [library.without({*entities} - {name}) for name in ("", *entities)]  # accounts alone, which all rest on
    accounts, *others = runner.run([runner.reading(known).bind(query, params) for known in lone])
    if not isinstance(accounts, Table):
        return {part: accounts}
    rows = {row[0]: row for answer in (accounts, *others) if isinstance(answer, Table) for row in answer.rows}
    rows.pop(NOTHING, None)
    missing = {name: answer for name, answer in zip(entities, others, strict=True) if is_unknown(answer)}
    return {part: replace(accounts, rows=list(rows.values())), **missing}


def _parts(week: Week) -> dict[str, tuple[str, dict[str, Any]]]:
    """The queries of the report by part. ``since`` begins their windows, and ``days`` reaches further back."""
    window = {"days": REACH, "since": week.since}
    past = {"days": REACH + 7 * MOST_WEEKS}  # which says what is ordinary
    return {
        "traffic": ("posthog/traffic_days", past),
        "pages": ("posthog/pages", window),
        "referrers": ("posthog/traffic_sources", window),
        "countries": ("posthog/traffic_countries", window),
        "new_users": (f"{POSTGRES}/new_users", window),
        "sign_up_days": (f"{POSTGRES}/sign_up_days", past),
        "run_days": (f"{POSTGRES}/run_success", past),
        "new_people": ("posthog/new_people", window),
        "ux": ("posthog/ux_pages", {"days": DAYS}),
        "after_connect": ("posthog/after_connect", {}),
        "after_silence": (f"{POSTGRES}/after_silence", {}),
        "newest_events": ("posthog/newest", {}),
        "newest_rows": (f"{POSTGRES}/newest", {}),
    }


def _answer_of(asked: Future[Result]) -> Result | UsertrackError:
    error = asked.exception()
    return error if isinstance(error, UsertrackError) else asked.result()
