"""A stream of Server-Sent Events as an answer: it ends with its server, and when nobody takes it any more."""

import asyncio
from collections.abc import AsyncGenerator

import anyio
from sse_starlette import EventSourceResponse
from starlette.responses import Response

_PATIENCE = 20.0  # seconds in which a client takes nothing, after which it is gone; browsers come back by themselves
_PING = 10  # seconds
_GRACE = 1.0  # seconds that a stream has to end with its server


def event_stream(frames: AsyncGenerator[bytes, None]) -> Response:
    """``frames`` are whole events, one or several at a time."""
    ending = anyio.Event()
    return EventSourceResponse(
        _until(ending, frames),
        send_timeout=_PATIENCE,
        sep="\n",
        ping=_PING,
        shutdown_event=ending,
        shutdown_grace_period=_GRACE,
    )


async def _until(ending: anyio.Event, frames: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    ended = asyncio.ensure_future(ending.wait())
    try:
        while True:
            coming = asyncio.ensure_future(anext(frames, b""))
            try:
                await asyncio.wait({coming, ended}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not coming.done():
                    coming.cancel()
                    await asyncio.gather(coming, return_exceptions=True)
            if coming.cancelled() or not (frame := coming.result()):
                return
            yield frame
    finally:
        ended.cancel()
        await frames.aclose()
