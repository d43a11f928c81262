"""`usertrack cache`: list and remove cached answers."""

from typing import TYPE_CHECKING

import typer

from usertrack.cli.common import Common
from usertrack.cli.options import Limit, with_common, with_common_once

if TYPE_CHECKING:
    from datetime import datetime

    from usertrack.engine.cache import Cache
    from usertrack.workspace.settings import Settings

cache = typer.Typer(no_args_is_help=True, help="The cache of answers: list what is in it, and clear it.")


@cache.command("info")
@with_common
def info(limit: Limit = None, *, common: Common) -> None:
    """List the answers that `--offline` and `--max-age` can use, with their age.

    `usertrack cache info`
    """
    from datetime import UTC, datetime

    from usertrack.cli.common import settings_of
    from usertrack.cli.session import emit
    from usertrack.engine.cache_view import cache_document

    settings, now = settings_of(common), datetime.now(UTC)
    emit(cache_document(_require_cache(settings, now), settings["timezone"], now), settings, common, limit)


@cache.command("clear")
@with_common_once
def clear(*, common: Common) -> None:
    """Remove all cached answers. The history of segments stays.

    `usertrack cache clear`
    """
    from datetime import UTC, datetime

    from usertrack.cli import diagnostics
    from usertrack.cli.common import settings_of
    from usertrack.core.errors import UsageError
    from usertrack.core.words import plural

    cache = _require_cache(settings_of(common), datetime.now(UTC))
    try:
        count = cache.clear()
    except OSError as error:
        raise UsageError(f"cannot clear {cache.folder} ({error.strerror})", "remove the folder yourself") from error
    diagnostics.note(f"removed {plural(count, 'answer')} from {cache.folder}")


def _require_cache(settings: "Settings", now: "datetime") -> "Cache":
    from usertrack.cli import diagnostics
    from usertrack.core.errors import UsageError
    from usertrack.engine.open_cache import open_cache

    cache = open_cache(settings, now, lambda message, **_: diagnostics.note(message))
    if cache is None and settings.uses_demo:
        raise UsageError("the demo has no cache: its data is on this machine", "connect your own sources")
    if cache is None:
        raise UsageError("the cache is switched off", "take `cache: off` out of usertrack.yaml or the environment")
    return cache


def register(app: typer.Typer) -> None:
    app.add_typer(cache, name="cache", rich_help_panel="Workspace")
