"""The first page: whom to act on first, what fires now, incidents, the scorecard, and who moved since last week."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from usertrack.core.errors import Absent
from usertrack.core.words import age_words
from usertrack.live.alerts.view import by_urgency, person_words
from usertrack.reports import today as documents
from usertrack.segments.analysis import Analysis
from usertrack.web.answers import since_of
from usertrack.web.live.actions import open_desk
from usertrack.web.shell import Part, document_html, rendered, titled_html, words
from usertrack.web.site import Site

_DAYS = 7  # as in the weekly report
_ALERTS = 4  # the most urgent; `/alerts` has all


def routes(site: Site) -> list[Route]:
    async def today(request: Request) -> Response:
        since = since_of(request.query_params)

        def people() -> People:
            return site.answers.ask("today: people", _people, since=since).value

        def incidents() -> Markup:
            try:
                return site.answers.ask("today: incidents", _incidents, since=since).value
            except Absent as problem:
                return Markup("<h2>Incidents</h2><p class='dim'>{}</p>").format(words(problem.message))

        def scores() -> Markup:
            return site.answers.ask("today: scores", _scores, since=since).value

        parts = [
            Part("news", lambda: people().news, 3, asks="what changed since last week"),
            Part(
                "act", lambda: people().act, 26, asks="who needs what: everybody is sorted, as of now and of a week ago"
            ),
            Part("alerts", lambda: _alerts(site), 8, is_local=True),
            Part("incidents", incidents, 8, asks="failures of the last days"),
            Part("scores", scores, 20, asks="the scorecard"),
            Part("moves", lambda: people().moves, 14, asks="who came to which segment"),
        ]
        return site.shell.page(request, "Today", parts, layout="today")

    return [Route("/", today)]


@dataclass(frozen=True)
class People:
    """The changes, the people to act on first, and who came to and left each segment; all of one moment."""

    news: Markup
    act: Markup
    moves: Markup


def _people(analysis: Analysis) -> People:
    from usertrack.product.scorecard.numbers import listed_metrics, scored_metrics
    from usertrack.segments.history.notes import segment_changes
    from usertrack.segments.history.snapshots import WEEK
    from usertrack.segments.history.week_ago import WeekAgoQuery, ask_both, classify_both

    rules, runner = analysis.rules(), analysis.runner
    segment_set = rules.set_or_usual(None)
    earlier, place = runner.as_of - WEEK, analysis.history()
    query = WeekAgoQuery(rules, segment_set, runner.as_of, earlier, place, keep=False, as_listed=True)
    answers, _ = ask_both(runner, query)
    names = listed_metrics(runner.library, analysis.settings.values["metrics"])
    classification, moved = classify_both(answers, beside=len(scored_metrics(runner.library, names)))
    analysis.mark_incomplete(classification.profiles)
    timezone = analysis.settings["timezone"]
    changes = segment_changes(moved, timezone)
    news = documents.news_document(classification, moved, changes, timezone)
    act = documents.people_document(classification, moved, changes)
    moves = documents.moves_document(classification, changes, timezone)
    return People(document_html(replace(news, notes=())), titled_html(act), titled_html(moves))


def _incidents(analysis: Analysis) -> Markup:
    from usertrack.failures.investigation import Investigation, investigate

    failures = investigate(analysis.runner, days=_DAYS)
    assert isinstance(failures, Investigation)  # only a person can fail to use a tool
    return titled_html(documents.incidents_document(failures, analysis.settings["timezone"], _DAYS))


def _scores(analysis: Analysis) -> Markup:
    from usertrack.product.scorecard.numbers import listed_metrics, scorecard
    from usertrack.segments.history.ordinary import FIGURES

    names = listed_metrics(analysis.runner.library, analysis.settings.values["metrics"])
    segments = analysis.rules().set_or_usual(None).segments
    scores = scorecard(analysis.runner, names, days=_DAYS, beside=FIGURES * len(segments))
    return titled_html(documents.scores_document(scores, analysis.settings["timezone"]))


def _alerts(site: Site) -> Markup:
    """The most urgent open alerts, as they are this moment."""
    now = datetime.now(UTC)
    with open_desk(site.settings, now) as desk:
        alerts = by_urgency(desk.alerts(), now)
    rows = [
        (alert, person_words(alert), age_words(now - (alert.fired_at or alert.started_at)))
        for alert in alerts[:_ALERTS]
    ]
    return rendered("today_alerts.html.j2", rows=rows, count=len(alerts))
