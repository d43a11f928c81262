"""The embedded PostHog as one ASGI app: capture, queries, saved insights, cohorts and persons over the same store."""

from starlette.applications import Starlette
from starlette.middleware import Middleware

from usertrack.server import (
    cohorts_api,
    definitions_api,
    imports_api,
    insights_api,
    live_check_api,
    livestream_api,
    persons_api,
    privacy_api,
    query_api,
    refused_api,
    status_api,
    tracker_api,
)
from usertrack.server.capture import capture_api
from usertrack.server.capture.live_check import LiveCheck
from usertrack.server.capture.pipeline import Capture
from usertrack.server.catching_up import CatchingUp
from usertrack.server.database.store import Store
from usertrack.server.database.violation_log import ViolationLog
from usertrack.server.http.log import RequestLog
from usertrack.server.http.server_settings import ServerSettings
from usertrack.server.query_runner import QueryRunner


def create_app(store: Store, settings: ServerSettings) -> Starlette:
    """The ASGI app. It needs no lifespan events, so it works over ``httpx.ASGITransport`` as over uvicorn."""
    runner = QueryRunner(store, settings)
    violations = ViolationLog(store.path)
    live_check = LiveCheck(settings.plan, violations, enforce=settings.enforce) if settings.plan else None
    capture = Capture(store, settings, live_check)
    app = Starlette(
        middleware=[Middleware(RequestLog), Middleware(CatchingUp, store=store, settings=settings)],
        routes=[
            # first: these are asked a thousand times a second
            *capture_api.routes(capture),
            *tracker_api.routes(capture),
            *insights_api.routes(store, settings, runner),
            *query_api.routes(settings, runner),
            *cohorts_api.routes(store, settings),
            *persons_api.routes(store, settings),
            *privacy_api.routes(store, settings, violations),
            *imports_api.routes(store, settings),
            *definitions_api.routes(store, settings),
            *refused_api.routes(settings, capture),
            *live_check_api.routes(settings, violations, live_check),
            *livestream_api.routes(settings, capture.ingestor.broadcast),
            *status_api.routes(store, settings, capture.ingestor),
        ],
    )
    app.state.violations = violations  # to be closed before the process ends
    app.state.broadcast = capture.ingestor.broadcast  # and its streams before uvicorn waits for them
    return app
