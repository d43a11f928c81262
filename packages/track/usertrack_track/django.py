"""Failed requests of a Django product: `"usertrack_track.django.ErrorTracking"` as the first of MIDDLEWARE."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.signals import got_request_exception

from usertrack_track import track_error
from usertrack_track.errors import name_of, quietly

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any, Union

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    Answer = Union[HttpResponseBase, Awaitable[HttpResponseBase]]
    GetResponse = Callable[[HttpRequest], Any]  # an Answer: which of them, Django says by other means

_ERROR = "_usertrack_error"


class ErrorTracking:
    """Tracks unhandled exceptions and responses with status 500, with the name of the view in the URL configuration.

    ``person`` says whose request it is; a subclass may know better. Works synchronously and asynchronously.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._asynchronous = iscoroutinefunction(get_response)
        if self._asynchronous:
            markcoroutinefunction(self)
        got_request_exception.connect(_remember, dispatch_uid="usertrack_track")

    def __call__(self, request: HttpRequest) -> Answer:
        if self._asynchronous:
            return self._answer(request)
        response = self._get_response(request)
        if response.status_code == 500:
            self._report(request)
        return response

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        response = await self._get_response(request)
        if response.status_code == 500:
            await asyncio.to_thread(self._report, request)
        return response

    def person(self, request: HttpRequest) -> str | None:
        """The primary key of the user, if the request has loaded one: to load it now could fail as well."""
        user = getattr(request, "_cached_user", None)
        return None if user is None or user.pk is None else str(user.pk)

    def _report(self, request: HttpRequest) -> None:
        error = getattr(request, _ERROR, None)
        quietly(lambda: track_error(error, view=_view(request), distinct_id=self.person(request)))


def _remember(sender: object, request: HttpRequest | None = None, **arguments: object) -> None:
    if request is not None:
        setattr(request, _ERROR, sys.exc_info()[1])


def _view(request: HttpRequest) -> str | None:
    match = getattr(request, "resolver_match", None)
    if match is None:
        return None
    return match.view_name or name_of(match.func)
