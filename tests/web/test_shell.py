"""The frame of the pages, and the parts that are streamed into it."""

import asyncio
import threading
import time
from typing import Any

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from usertrack.core.errors import ConnectionFailed
from usertrack.web.shell import Part, Shell, unbroken

GET = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"", "server": ("x", 80)})


def shell() -> Shell:
    return Shell("here")


def away() -> Markup:
    raise ConnectionFailed("PostHog does not answer", "try `usertrack doctor`")


def test_a_part_comes_when_it_is_answered_and_an_error_in_its_place() -> None:
    begin = threading.Event()

    def slow() -> Markup:
        assert begin.wait(10)
        return Markup("at last")

    async def pieces() -> list[str]:
        arrived = []
        response: Any = shell().page(GET, "A page", [Part("slow", slow), Part("broken", away)])
        async for piece in response.body_iterator:
            arrived.append(piece)
            if "does not answer" in piece:
                begin.set()
        return arrived

    head, broken, last, _ = asyncio.run(pieces())
    assert head.index('<slot name="slow">') < head.index('<slot name="broken">')
    assert "PostHog does not answer" in broken
    assert "at last" in last


def test_what_nobody_waits_for_is_not_asked() -> None:
    begin, started_at = threading.Event(), []

    def part() -> Markup:
        started_at.append(time.monotonic())
        begin.wait(10)
        return Markup()

    async def leave() -> None:
        response: Any = shell().page(GET, "A page", [Part(f"part-{at}", part) for at in range(20)])
        pieces = response.body_iterator
        await anext(pieces)
        waiting = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await pieces.aclose()
        begin.set()

    asyncio.run(leave())
    assert 1 <= len(started_at) < 10


def test_a_slow_source_on_one_page_holds_up_no_other_page_and_no_local_part() -> None:
    answered = threading.Event()
    pages = shell()

    def slow() -> Markup:
        assert answered.wait(10)
        return Markup()

    async def visit(path: str, *parts: Part) -> None:
        request = Request({**GET.scope, "path": path})
        response: Any = pages.page(request, "A page", parts)
        async for _ in response.body_iterator:
            pass

    async def look() -> None:
        slow_parts = [Part(f"part-{at}", slow) for at in range(20)]
        waiting = [asyncio.ensure_future(visit("/activity", *slow_parts)) for _ in range(3)]
        await asyncio.sleep(0.05)
        async with asyncio.timeout(1):
            await visit("/", Part("asks", Markup), Part("alerts", Markup, is_local=True))
            await visit("/activity", Part("alerts", Markup, is_local=True))
        answered.set()
        await asyncio.gather(*waiting)

    asyncio.run(look())


def test_what_pages_wait_for_before_they_begin_holds_up_no_button() -> None:
    answered = threading.Event()
    pages = shell()

    async def press() -> None:
        person = Request({**GET.scope, "path": "/people/ann"})
        waiting = [asyncio.ensure_future(pages.ask(person, answered.wait, 10)) for _ in range(50)]
        await asyncio.sleep(0.05)
        async with asyncio.timeout(1):
            await run_in_threadpool(str)
            await pages.ask(GET, str)
        answered.set()
        await asyncio.gather(*waiting)

    asyncio.run(press())


def test_a_part_after_what_fails_says_why() -> None:
    async def pieces() -> str:
        broken = asyncio.ensure_future(asyncio.to_thread(away))
        response: Any = shell().page(GET, "A page", [Part("history", broken.result, after=broken)])
        return "".join([piece async for piece in response.body_iterator])

    assert "PostHog does not answer" in asyncio.run(pieces())


def test_a_number_and_its_percent_sign_stay_on_one_line_and_code_as_it_is() -> None:
    html = "<td>82.9 %</td><p>&lt;0.1 % of 3</p><pre>SELECT 5 % 2</pre> 100 %"
    assert unbroken(html) == "<td>82.9\u00a0%</td><p>&lt;0.1\u00a0% of 3</p><pre>SELECT 5 % 2</pre> 100\u00a0%"
