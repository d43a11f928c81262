"""Calls of a function by way of another one: tasks of a queue, threads, timers, `partial`, `.call`."""

from collections.abc import Iterator, Sequence

from usertrack.scan.syntax import Argument, Array, Entry, Expression, Member, Name, Object

LATER = frozenset(("delay", "si", "s", "remote", "send_task", "enqueue_call", "defer", "kiq"))
"""Methods of a task that call its function with what they are given."""
GIVEN_A_FUNCTION = frozenset(
    (
        *("partial", "submit", "add_task", "to_thread", "run_in_executor", "call_soon", "call_soon_threadsafe"),
        *("start_soon", "spawn", "enqueue", "apply_async", "run_sync", "run_in_threadpool", "sync_to_async"),
    )
)
"""Functions that call one of their arguments with those after it."""


def indirect_call(callee: Expression, arguments: Sequence[Argument]) -> Iterator[tuple[Expression, Sequence[Argument]]]:
    """The function that a call lets another one call, with its arguments."""
    name = callee.name if isinstance(callee, (Name, Member)) else ""
    keywords = {argument.keyword: argument.value for argument in arguments if argument.keyword}
    if isinstance(callee, Member) and name in LATER:
        yield callee.value, arguments
    elif isinstance(callee, Member) and name == "apply_async":
        first = arguments[0].value if arguments and arguments[0].keyword is None else None
        yield callee.value, _unpacked(keywords.get("args", first), keywords.get("kwargs"))
    elif isinstance(callee, Member) and name == "call":
        yield callee.value, arguments[1:]
    elif name in ("setTimeout", "setInterval") and len(arguments) > 2:
        yield arguments[0].value, arguments[2:]
    elif "target" in keywords and name in ("Thread", "Process", "Timer"):
        yield keywords["target"], _unpacked(keywords.get("args"), keywords.get("kwargs"))
    elif name in GIVEN_A_FUNCTION:
        for index, argument in enumerate(arguments[:2]):
            if isinstance(argument.value, (Name, Member)) and len(arguments) > index + 1:
                yield argument.value, arguments[index + 1 :]


def _unpacked(args: Expression | None, kwargs: Expression | None) -> list[Argument]:
    """``args=(…)`` and ``kwargs={…}`` as arguments."""
    positional = [Argument(item) for item in args.items] if isinstance(args, Array) else []
    entries: list[Entry] = kwargs.entries if isinstance(kwargs, Object) else []
    return [*positional, *(Argument(entry.value, entry.key) for entry in entries if entry.key is not None)]
