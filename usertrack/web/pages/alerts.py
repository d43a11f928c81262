"""/alerts: what people do about alerts."""

from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from usertrack.web.live.actions import Outcomes, act, open_desk
from usertrack.web.site import Site


def routes(site: Site, outcomes: Outcomes) -> list[Route]:
    def done(fields: dict[str, str], who: str) -> str:
        now = datetime.now(UTC)
        action, _, id_ = fields.get("do", "").partition(" ")
        with open_desk(site.settings, now) as desk:
            return act(desk, action, id_, who, now, fields.get("comment", "")[:500], fields.get("for", ""))

    async def do(request: Request) -> Response:
        fields = await site.access.form(request)
        outcome = await run_in_threadpool(done, fields, site.access.who(request))
        page = _of_ours(fields.get("back", ""))
        return RedirectResponse(f"{page}{'&' if '?' in page else '?'}did={outcomes.add(outcome)}", 303)

    return [Route("/alerts/act", do, methods=["POST"])]


def _of_ours(address: str) -> str:
    """``address`` where it is a path of these pages, else /live: a form may say anything."""
    return address if address.startswith(("/live", "/alerts")) else "/live"
