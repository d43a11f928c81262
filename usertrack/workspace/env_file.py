"""The `.env` file of a workspace: environment variables that are the workspace's own."""

from collections.abc import Collection
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from usertrack.core.errors import UsageError


class Variable(NamedTuple):
    value: str
    line: int


def read_env_file(path: Path, names: Collection[str]) -> dict[str, Variable]:
    """Return the ``names`` that the file sets; none without a file. Raises UsageError with the line, without values.

    A folder of that name is passed over: virtual environments are called so, too.
    """
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from error
    return parse_variables(text, str(path), names)


def parse_variables(text: str, place: str, names: Collection[str]) -> dict[str, Variable]:
    """Return the ``names`` that ``text`` sets, ``NAME=VALUE`` a line; ``${NAME}`` in a value is replaced.

    Raises UsageError, which names ``place`` and the line.
    """
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    lines = {}
    for binding in parse_stream(StringIO(text)):
        start = binding.original.string
        line = binding.original.line + start[: len(start) - len(start.lstrip())].count("\n")
        if binding.error or (binding.key is not None and binding.value is None):
            raise UsageError(f"{place}:{line}: this line is not NAME=VALUE", _QUOTES)
        if binding.key is not None and binding.key in names:
            if "\n" in (binding.value or ""):
                raise UsageError(f"{place}:{line}: the value of {binding.key} goes over several lines", _QUOTES)
            lines[binding.key] = line
    values = dotenv_values(stream=StringIO(text))
    return {name: Variable(value, line) for name, line in lines.items() if (value := (values[name] or "").strip())}


def unread_env_file(root: Path | None, names: Collection[str]) -> str:
    """A note on the `.env` of this folder, or of the one around ``root``, that sets one of ``names`` and is not read.

    ``root`` is the workspace; without one no such file is read. Empty where there is no such file.
    """
    read = root and (root / ".env").resolve()
    for folder in dict.fromkeys([Path.cwd(), *([root.resolve().parent] if root else [])]):
        path = folder / ".env"
        if path.resolve() != read and _sets_any(path, names):
            where = f"write them into {root / '.env'}" if root else "`usertrack init` makes this folder a workspace"
            return f"{path} is not read: variables are the workspace's, beside usertrack.yaml; {where}"
    return ""


def _sets_any(path: Path, names: Collection[str]) -> bool:
    try:
        return bool(read_env_file(path, names))
    except UsageError:
        return False


_QUOTES = "put a value with blanks, quotes or # between single quotes, on one line"
