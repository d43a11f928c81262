"""Failed requests of a WSGI product: `app = ErrorTracking(app)`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Optional

from usertrack_track import track_error
from usertrack_track.errors import quietly

Environ = dict[str, object]
ExcInfo = tuple[type[BaseException], BaseException, Optional[TracebackType]]
Start = Callable[..., Callable[[bytes], object]]
App = Callable[[Environ, Start], Iterable[bytes]]


class ErrorTracking:
    """Tracks unhandled exceptions and responses with status 500 of ``app``; both go on as they were.

    ``person`` returns the distinct_id of a request's person, or None. ``view`` returns the name of what answers it; by
    default the function that raised.
    """

    def __init__(
        self,
        app: App,
        *,
        person: Callable[[Environ], str | None] = lambda environ: None,
        view: Callable[[Environ], str | None] = lambda environ: None,
    ) -> None:
        self._app = app
        self._person = person
        self._view = view

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        failed: list[BaseException | None] = []

        def start(status: str, headers: list[tuple[str, str]], *exc_info: ExcInfo | None) -> Callable[[bytes], object]:
            if status.startswith("500"):
                failed[:] = [exc_info[0][1] if exc_info and exc_info[0] else sys.exc_info()[1]]
            return start_response(status, headers, *exc_info)

        try:
            body = self._app(environ, start)
            return _Body(body, iter(body), lambda error: self._report(environ, failed, error))
        except Exception as error:
            self._report(environ, failed, error)
            raise

    def _report(self, environ: Environ, failed: list[BaseException | None], error: BaseException | None) -> None:
        if error or failed:
            cause = error or failed[0]
            quietly(lambda: track_error(cause, view=self._view(environ), distinct_id=self._person(environ)))


class _Body:
    """The body of a response; ``done`` is called when it ends, with the error that ended it."""

    def __init__(
        self, body: Iterable[bytes], chunks: Iterator[bytes], done: Callable[[BaseException | None], None]
    ) -> None:
        self._body = body
        self._chunks = chunks
        self._done: Callable[[BaseException | None], None] | None = done

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except StopIteration:
            raise
        except Exception as error:
            self._finish(error)
            raise

    def close(self) -> None:
        try:
            if close := getattr(self._body, "close", None):
                close()
        finally:
            self._finish(None)

    def _finish(self, error: BaseException | None) -> None:
        done, self._done = self._done, None
        if done:
            done(error)
