"""The embedded PostHog as one ASGI app: capture, queries and cohorts over the same store."""

from starlette.applications import Starlette

from usertrack.server import capture_api, cohorts, query_api
from usertrack.server.settings import ServerSettings
from usertrack.server.store import Store


def create_app(store: Store, settings: ServerSettings) -> Starlette:
    """An app that needs no lifespan: it works over ``httpx.ASGITransport`` as over uvicorn."""
    apis = (query_api, cohorts, capture_api)
    return Starlette(routes=[route for api in apis for route in api.routes(store, settings)])
