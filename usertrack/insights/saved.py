"""Saved insights of PostHog, addressed by id, short id or name. A missing result is an error, never an empty table."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from usertrack.core.errors import QueryError, UsageError, UsertrackError, did_you_mean
from usertrack.core.json_types import JsonObject
from usertrack.core.period import in_zone
from usertrack.core.table import Table
from usertrack.engine.runner import Runner
from usertrack.insights.tables import interval_of, kind_of, table_of
from usertrack.library.library import Statement
from usertrack.library.sql import placeholders, statement_of
from usertrack.sources.http import NotFound
from usertrack.sources.limits import own_limit, with_limit
from usertrack.sources.posthog import PAGE_ROWS
from usertrack.sources.query_client import hogql_node

_PAGE = 500  # insights in a request, so that most projects take one
_SHORT_ID = re.compile(r"[A-Za-z0-9]{8}")
_LONGEST_SEARCH = 200  # characters, of PostHog
_LISTED = 10  # insights that one message names


@dataclass(frozen=True)
class SavedInsight:
    """A saved insight as PostHog describes it, without its result. ``kind``: trends, retention, …, hogql."""

    id: int
    short_id: str
    name: str
    kind: str
    body: JsonObject

    @property
    def called(self) -> str:
        return self.name or f"the insight {self.id}"


@dataclass(frozen=True)
class InsightResult:
    """An insight with its result as a table. ``last_refresh`` is when PostHog computed it, in ISO 8601."""

    insight: SavedInsight
    table: Table
    last_refresh: str | None
    cached: bool

    @property
    def unfinished(self) -> date | None:
        """The start of the last interval, when it was not over at ``last_refresh``: its numbers will still grow."""
        column = next((at for at, c in enumerate(self.table.columns) if c.type == "DATE"), None)
        if column is None or self.last_refresh is None or self.insight.kind == "hogql":
            return None
        last = max((row[column] for row in self.table.rows), default=None)
        computed = in_zone(datetime.fromisoformat(self.last_refresh), self.table.timezone).date()
        return last if last is not None and computed < _end(last, interval_of(self.insight.body)) else None


def _end(start: date, interval: str) -> date:
    """The first day after the interval that begins with ``start``."""
    if interval == "month":
        return (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return start + timedelta(days=7 if interval == "week" else 1)


def list_insights(runner: Runner, search: str = "") -> list[SavedInsight]:
    """Every saved insight that is not deleted, or those that PostHog finds for ``search``, in its order."""
    params = {"basic": "true", "saved": "true", "limit": _PAGE, **({"search": search} if search else {})}
    return [_insight(body) for body in pages(runner, "insights/", params)]


def pages(runner: Runner, path: str, params: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """All results of a paged list of PostHog. A page may have fewer than requested."""
    offset = 0
    while True:
        document = runner.call("GET", f"{path}?{urlencode({**params, 'offset': offset})}")
        results = document.get("results")
        if not isinstance(results, list) or not all(isinstance(item, dict) for item in results):
            raise QueryError("PostHog answered with something that is no list", "try again")
        yield from results
        offset += len(results)
        total = document.get("count")
        if not document.get("next") or not results or (isinstance(total, int) and offset >= total):
            return


def find(runner: Runner, name: str) -> SavedInsight:
    """The insight with this id, short id or name; raises UsageError where there is none, or several of the name."""
    name = name.strip()
    if name.isdecimal() or _SHORT_ID.fullmatch(name):
        try:
            return _insight(_not_deleted(runner.call("GET", f"insights/{name}/"), name))
        except NotFound:
            pass  # it may be a name; a wrong project shows itself below
    known = list_insights(runner)
    named = [insight for insight in known if insight.name.casefold() == name.casefold()]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(f"{insight.id} ({insight.kind})" for insight in named[:_LISTED])
        raise UsageError(f"{len(named)} insights are called '{name}'", f"say which by its id: {ids}")
    names = [insight.name for insight in known if insight.name]
    hint = did_you_mean(name, names, "`usertrack insight list` shows them all")
    if name.isdecimal():
        raise UsageError(f"there is no insight {name}: it does not exist, or it was deleted", hint)
    raise UsageError(f"there is no insight '{name}'", hint)


def answer(runner: Runner, insight: SavedInsight, *, refresh: bool = False) -> InsightResult:
    """The result of ``insight`` as a table, computed by PostHog where it has none that is recent.

    ``refresh`` computes it anew in any case. Raises QueryError for a result that is missing or that nobody can read.
    """
    body = _not_deleted(_response(runner, insight, "force_blocking" if refresh else "blocking"), str(insight.id))
    if body.get("result") is None:
        raise QueryError(
            f"PostHog has no result for '{insight.called}'",
            "ask PostHog to compute it: --refresh" if not refresh else "open it in PostHog to see why",
        )
    table = table_of(body, runner.spool, insight.kind)
    last = body.get("last_refresh")
    return InsightResult(insight, table, str(last) if last else None, bool(body.get("is_cached")))


def _response(runner: Runner, insight: SavedInsight, refresh: str) -> dict[str, object]:
    try:
        return runner.insight(str(insight.id), refresh)
    except NotFound as error:
        raise UsageError(
            f"the insight {insight.id} was deleted", "`usertrack insight list` shows the others"
        ) from error
    except UsertrackError as error:
        raise type(error)(f"{insight.called}: {error.message}", error.hint) from error


def create(runner: Runner, name: str, statement: Statement, description: str = "") -> SavedInsight:
    """Save HogQL as a new insight: the first of PostHog's two steps; ``answer`` is the second.

    PostHog computes it again and again, so {as_of} becomes now(). A query of the library without a limit of its own
    gets the highest one: PostHog would cut an insight at 100 rows. Raises UsageError for SQL of another source.
    """
    if statement.source != "posthog":
        raise UsageError(f"{statement.name} does not run in PostHog", "choose a query below posthog/")
    sql = _of_the_present(statement_of(statement.sql, "posthog"))
    values = {key: value for key, value in statement.values.items() if key != "as_of"}
    if statement.query and statement.query.path and own_limit(sql, values) is None:
        sql = with_limit(sql, PAGE_ROWS)
    query = {"kind": "DataVisualizationNode", "source": hogql_node(sql, values)}
    fields = {"name": name, "description": description, "favorited": False, "query": query}
    return _insight(runner.call("POST", "insights/", fields))


def namesakes(runner: Runner, name: str) -> list[SavedInsight]:
    """The insights that have this name."""
    insights = list_insights(runner, name[:_LONGEST_SEARCH])
    return [insight for insight in insights if insight.name.casefold() == name.strip().casefold()]


def _of_the_present(sql: str) -> str:
    for name, start, end in reversed(placeholders(sql, "posthog")):
        if name == "as_of":
            sql = f"{sql[:start]}now(){sql[end:]}"
    return sql


def delete(runner: Runner, insight: SavedInsight) -> None:
    """Delete ``insight`` as PostHog does, so that it can be restored there."""
    runner.call("PATCH", f"insights/{insight.id}/", {"deleted": True})


def _not_deleted(body: JsonObject, name: str) -> JsonObject:
    if body.get("deleted"):
        raise UsageError(f"the insight {name} was deleted", "restore it in PostHog, or choose another one")
    return body


def _insight(body: JsonObject) -> SavedInsight:
    if not isinstance(body.get("id"), int):
        raise QueryError("PostHog answered with something that is no insight", "try again")
    name = str(body.get("name") or body.get("derived_name") or "")
    return SavedInsight(body["id"], str(body.get("short_id") or ""), name, kind_of(body), body)


def favourites(known: Sequence[SavedInsight], listed: Sequence[str]) -> set[int]:
    """The ids of those among ``known`` that the workspace lists as favourites, by id, short id or name."""
    names = {item.strip().casefold() for item in listed}
    return {
        insight.id
        for insight in known
        if names & {str(insight.id), insight.short_id.casefold(), insight.name.casefold()}
    }
