"""The embedded PostHog as one ASGI app: the capture endpoints and the query API over the same store."""

from starlette.applications import Starlette

from usertrack.server import capture_api, query_api
from usertrack.server.settings import ServerSettings
from usertrack.server.store import Store


def create_app(store: Store, settings: ServerSettings) -> Starlette:
    """An app that needs no lifespan: it works over ``httpx.ASGITransport`` as over uvicorn."""
    return Starlette(routes=[*query_api.routes(store, settings), *capture_api.routes(store, settings)])
