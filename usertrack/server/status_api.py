"""The state of the server: ``/health`` for who watches it, ``/metrics`` for Prometheus.

Anybody learns whether it is well; numbers need the personal key.
"""

from collections.abc import Iterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from usertrack.core.json_types import JsonObject
from usertrack.server.capture.ingest import Ingestor
from usertrack.server.database.set_aside import SetAside
from usertrack.server.database.store import Store
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import authenticate
from usertrack.server.http.requests import answering, project_routes
from usertrack.server.http.server_settings import ServerSettings

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_LATE = 60.0  # seconds that an acknowledged event waits, from which on something is wrong


def routes(store: Store, settings: ServerSettings, ingestor: Ingestor) -> list[Route]:
    async def health(request: Request) -> Response:
        has_key = True
        try:
            authenticate(request, settings)
            await run_in_threadpool(store.reconcile)
        except ApiError:
            has_key = False
        status = await run_in_threadpool(_status, store, settings, ingestor)
        return JSONResponse(
            status if has_key else {"status": status["status"]}, 200 if status["status"] == "ok" else 503
        )

    async def metrics(request: Request) -> Response:
        authenticate(request, settings)
        text = await run_in_threadpool(_metrics, store, settings, ingestor)
        return PlainTextResponse(text, media_type=_PROMETHEUS)

    async def reconcile(request: Request) -> Response:
        authenticate(request, settings)
        await run_in_threadpool(store.reconcile)
        return JSONResponse({"problems": store.problems()})

    endpoints = {"health": health, "metrics": metrics}
    return [
        *[Route(f"/{path}", answering(endpoint), methods=["GET"]) for path, endpoint in endpoints.items()],
        *project_routes([("/usertrack/reconcile", reconcile, ["GET"])]),
    ]


def _status(store: Store, settings: ServerSettings, ingestor: Ingestor) -> JsonObject:
    metrics, waiting, lag = ingestor.metrics, store.log.waiting(), ingestor.lag()
    problems = []
    if metrics.failure:
        problems.append(f"the store takes no events: {metrics.failure}")
    if lag > _LATE:
        problems.append(f"events wait to be stored since {lag:.0f} s")
    if waiting.bytes > settings.most_waiting * 0.9:
        problems.append("nearly as many events wait as may wait")
    problems += [*SetAside(store.path).problems(), *store.problems()]
    return {
        "status": "ok" if not problems else "degraded",
        "problems": problems,
        "waiting_requests": waiting.entries,
        "waiting_bytes": waiting.bytes,
        "most_waiting_bytes": settings.most_waiting,
        "lag_seconds": round(lag, 3),
        "acknowledged_events": metrics.acknowledged.total,
        "acknowledged_per_second": round(metrics.acknowledged.per_second(), 1),
        "stored_events": metrics.stored.total,
        "stored_per_second": round(metrics.stored.per_second(), 1),
        "refused_events": metrics.refused,
        "refused_and_dropped_events": metrics.dropped,
        "repeated_events": metrics.stored.total - metrics.new,
        "checksums_compared": store.damage.is_checked,
        "requests": {str(code): count for code, count in sorted(metrics.requests.items())},
        "answered_p50_seconds": metrics.answered.share(0.5),
        "answered_p99_seconds": metrics.answered.share(0.99),
    }


def _metrics(store: Store, settings: ServerSettings, ingestor: Ingestor) -> str:
    metrics, waiting = ingestor.metrics, store.log.waiting()
    families: list[tuple[str, str, str, list[tuple[str, float]]]] = [
        ("requests_total", "counter", "Capture requests, by the status of the answer.",
         [(f'{{status="{code}"}}', count) for code, count in sorted(metrics.requests.items())]),
        ("events_acknowledged_total", "counter", "Events that are durable.", [("", metrics.acknowledged.total)]),
        ("events_stored_total", "counter", "Events that left the log for the store.", [("", metrics.stored.total)]),
        ("events_repeated_total", "counter", "Stored events that were there already.",
         [("", metrics.stored.total - metrics.new)]),
        ("events_refused_total", "counter", "Events that were refused.", [("", metrics.refused)]),
        ("events_dropped_total", "counter", "Refused events for which there was no room aside.",
         [("", metrics.dropped)]),
        ("damaged_files", "gauge", "Damaged files that were set aside.", [("", len(SetAside(store.path).problems()))]),
        ("losses", "gauge", "Tables with damaged parts, and days without all events.", [("", len(store.problems()))]),
        ("log_waiting_requests", "gauge", "Requests in the log that wait to be stored.", [("", waiting.entries)]),
        ("log_waiting_bytes", "gauge", "Bytes in the log that wait to be stored.", [("", waiting.bytes)]),
        ("log_limit_bytes", "gauge", "Bytes from which on requests are refused.", [("", settings.most_waiting)]),
        ("log_lag_seconds", "gauge", "Age of the oldest event that waits.", [("", ingestor.lag())]),
        ("store_failing", "gauge", "1 while the store takes no events.", [("", int(bool(metrics.failure)))]),
    ]  # fmt: skip
    for name, histogram, about in (
        ("request_seconds", metrics.answered, "Time to answer a capture request."),
        ("block_seconds", metrics.blocks, "Time to store a block of events."),
    ):
        counts = histogram.cumulative()
        samples: list[tuple[str, float]] = [(f'_bucket{{le="{bound}"}}', count) for bound, count in counts]
        families.append((name, "histogram", about, [*samples, ("_sum", histogram.sum), ("_count", counts[-1][1])]))
    return "".join(line for family in families for line in _lines(*family))


def _lines(name: str, kind: str, about: str, samples: list[tuple[str, float]]) -> Iterator[str]:
    """A family of samples in Prometheus' text format."""
    yield f"# HELP usertrack_{name} {about}\n# TYPE usertrack_{name} {kind}\n"
    for suffix, value in samples:
        yield f"usertrack_{name}{suffix} {value:.10g}\n"
