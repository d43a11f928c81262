"""Ends a visit: the browser forgets its cookie, and the cookie opens nothing any more."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from usertrack.web.shell import rendered
from usertrack.web.site import Site


def routes(site: Site) -> list[Route]:
    async def ask(request: Request) -> Response:
        proxy = site.access.header
        return site.shell.simple(
            request, "Leave", rendered("leave.html.j2", token=site.access.token(request), proxy=proxy)
        )

    async def leave(request: Request) -> Response:
        await site.access.form(request)
        if site.access.header:
            raise HTTPException(400, "your proxy lets you in, so leave there")
        return site.access.let_out(request, RedirectResponse("/login", 303))

    return [Route("/leave", ask), Route("/leave", leave, methods=["POST"])]
