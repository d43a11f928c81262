"""The embedded PostHog as one ASGI app: capture, queries, saved insights, cohorts and persons over the same store."""

from starlette.applications import Starlette
from starlette.middleware import Middleware

from usertrack.server import capture_api, cohorts, definitions_api, persons_api, privacy_api, query_api
from usertrack.server.imports import api as imports_api
from usertrack.server.insights import api as insights_api
from usertrack.server.log import Requests
from usertrack.server.query_runner import QueryRunner
from usertrack.server.settings import ServerSettings
from usertrack.server.store import Store


def create_app(store: Store, settings: ServerSettings) -> Starlette:
    """An app that needs no lifespan: it works over ``httpx.ASGITransport`` as over uvicorn."""
    runner = QueryRunner(store, settings)
    return Starlette(
        middleware=[Middleware(Requests)],
        routes=[
            *insights_api.routes(store, settings, runner),
            *query_api.routes(settings, runner),
            *cohorts.routes(store, settings),
            *persons_api.routes(store, settings),
            *privacy_api.routes(store, settings),
            *imports_api.routes(store, settings),
            *definitions_api.routes(store, settings),
            *capture_api.routes(store, settings),
        ],
    )
