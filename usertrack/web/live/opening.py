"""Opens the live sources behind the hub, each in a thread of its own, and asks there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from typing import Protocol, TypeVar

from usertrack.core.errors import UsertrackError
from usertrack.web.live.sources import LiveSource, live_source
from usertrack.workspace.settings import Settings

Result = TypeVar("Result")


class Ask(Protocol):
    """Answers a question in a thread."""

    async def __call__(self, question: Callable[[], Result]) -> Result: ...


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[LiveSource, Ask]]:
    """The live sources, and what asks them in their thread."""
    thread, stack = ThreadPoolExecutor(1, "live source"), ExitStack()

    async def ask(question: Callable[[], Result]) -> Result:
        return await in_thread(thread, question)

    try:
        yield await ask(lambda: stack.enter_context(live_source(settings))), ask
    finally:
        thread.submit(stack.close)
        thread.shutdown(wait=False)


async def in_thread(thread: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(thread, work)


def first_of(group: BaseExceptionGroup[UsertrackError]) -> UsertrackError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, UsertrackError)
    return error
