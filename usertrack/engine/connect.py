"""Open a Runner with the sources and the cache that the settings name."""

from datetime import datetime

from usertrack.core.errors import UsageError
from usertrack.core.notify import Notify
from usertrack.core.source_names import POSTGRES
from usertrack.engine.cache import Cache
from usertrack.engine.open_cache import open_cache
from usertrack.engine.runner import Runner
from usertrack.engine.unavailable import CacheOnly, Misconfigured
from usertrack.library.entities import KINDS
from usertrack.library.events import EVENTS
from usertrack.library.library import Library
from usertrack.sources import Source, make_source
from usertrack.sources.own_events import open_own_events, own_events
from usertrack.workspace.settings import Settings


def open_runner(
    settings: Settings, library: Library, *, now: datetime, notify: Notify, purpose: str = "", cached: bool = True
) -> Runner:
    """A Runner on the demo, or on every source that is configured. Raises UsertrackError.

    ``purpose`` names the command and its options: the cache records for which moments it has all of its answers.
    Without ``cached`` only the sources answer.
    """
    requested = _as_of(settings)  # a wrong one is an error before anything is opened
    if settings.uses_demo:
        from usertrack.demo.sources import open_demo_sources

        sources, as_of = open_demo_sources(settings, now=now, notify=notify)
        return Runner(settings, library, requested or as_of, sources, now=as_of)
    if not cached:
        _refuse_the_cache(settings)
    own = own_events(settings, library)
    cache = open_cache(settings, now, notify, own_events=own is not None) if cached else None
    configured = {"posthog": settings.has_posthog or own, POSTGRES: settings.has_postgres}
    names = [name for name, is_configured in configured.items() if is_configured]
    if settings.offline:
        sources = {name: CacheOnly(is_cached=name in _require_cache(cache).sources) for name in names}
    else:
        sources = {name: _open_source(name, settings, notify) for name in names if not (own and name == "posthog")}
        if own:
            sources["posthog"] = open_own_events(own, settings, library, sources[POSTGRES], notify)
    away = [*([] if "posthog" in sources else [EVENTS]), *([] if POSTGRES in sources else KINDS)]
    library = library.without(away) if away else library  # what it would know is absent, and not unknown
    runner = Runner(settings, library, requested or now, sources, now=now, cache=cache)
    runner.begin(purpose)
    return runner


def _refuse_the_cache(settings: Settings) -> None:
    """Raise UsageError for `--offline` and `--max-age` on a command that always asks the sources."""
    if settings.offline or settings.values["max_age"].origin == "option":
        option = "--offline" if settings.offline else "--max-age"
        raise UsageError(f"{option} is not for this command", "it always asks the sources")


def _require_cache(cache: Cache | None) -> Cache:
    if cache is None:
        raise UsageError("--offline needs the cache, and it is off", "take `cache: off` out of the settings")
    return cache


def _as_of(settings: Settings) -> datetime | None:
    from usertrack.core.period import parse_moment

    return parse_moment(settings["as_of"], settings["timezone"]) if settings["as_of"] else None


def _open_source(name: str, settings: Settings, notify: Notify) -> Source:
    try:
        return make_source(name, settings, notify)
    except UsageError as error:
        return Misconfigured(error)
