"""Shell completion with names of the current workspace. It never fails and never asks a source."""

import inspect
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, get_args

import typer
from typer.models import ArgumentInfo, OptionInfo

if TYPE_CHECKING:
    from usertrack.segments.rules import Rules
    from usertrack.workspace.settings import Settings

_POSTHOG_PROPERTIES = (
    "$browser", "$os", "$device_type", "$current_url", "$pathname", "$host", "$referring_domain", "$lib",
    "$geoip_country_code", "$geoip_city_name", "utm_source", "utm_medium", "utm_campaign",
)  # fmt: skip


def segments(incomplete: str) -> list[str]:
    """Segments of every set."""
    with suppress(Exception):
        names = {segment.id for segment_set in _rules().sets.values() for segment in segment_set.segments}
        return _starting_with(names, incomplete)
    return []


def segments_of_set(context: typer.Context, incomplete: str) -> list[str]:
    """Segments of the set in the command line, for commands that take no others."""
    with suppress(Exception):
        rules = _rules().judging(context.params.get("by") or "")
        segment_set = rules.set_or_usual(context.params.get("set_name") or "action")
        return _starting_with([segment.id for segment in segment_set.segments], incomplete)
    return []


def sets(incomplete: str) -> list[str]:
    with suppress(Exception):
        return _starting_with(_rules().sets, incomplete)
    return []


def funnels(incomplete: str) -> list[str]:
    with suppress(Exception):
        from usertrack.cli.common import Common, settings_of
        from usertrack.product.funnel.numbers import named_funnels
        from usertrack.workspace.files import funnel_paths

        by_name = named_funnels(funnel_paths(settings_of(Common())))
        return _starting_with({*by_name, *_from_answers("events")(incomplete)}, incomplete)
    return []


def queries(incomplete: str) -> list[str]:
    with suppress(Exception):
        from usertrack.cli.common import Common, settings_of
        from usertrack.workspace.files import library_of

        library = library_of(settings_of(Common()))
        last_parts = {name.rpartition("/")[2] for name in library}
        return _starting_with(library, incomplete) or _starting_with(last_parts, incomplete)
    return []


def metrics(incomplete: str) -> list[str]:
    with suppress(Exception):
        from usertrack.cli.common import Common, settings_of
        from usertrack.workspace.files import library_of

        return _starting_with(library_of(settings_of(Common())).metrics(), incomplete)
    return []


def alerts(incomplete: str) -> list[tuple[str, str]]:
    """Ids of open alerts, each with whom it is about."""
    with suppress(Exception):
        from usertrack.cli.common import Common
        from usertrack.cli.desk import open_desk
        from usertrack.live.alerts.ids import short_ids
        from usertrack.live.alerts.view import person_words

        with open_desk(Common()) as (_, desk):
            listed = desk.alerts()
        ids = short_ids(alert.key for alert in listed)
        named = ((ids[alert.key], f"{person_words(alert)}, {alert.pattern}") for alert in listed)
        return [(id_, words) for id_, words in named if id_.startswith(incomplete)]
    return []


def patterns(incomplete: str) -> list[str]:
    with suppress(Exception):
        from usertrack.cli.common import Common, settings_of
        from usertrack.live.signals.read import read_patterns
        from usertrack.workspace.files import patterns_path

        read = read_patterns(patterns_path(settings_of(Common())))
        return _starting_with([pattern.id for pattern in read.patterns], incomplete)
    return []


def outcomes(incomplete: str) -> list[str]:
    """Return the possible outcomes of an alert."""
    listed = [f"segment:{segment}" for segment in segments("")]
    with suppress(Exception):
        listed += [f"event:{event}" for event in _from_answers("events")("")]
    return _starting_with(["churned", "converted", *listed], incomplete)


def kinds(incomplete: str) -> list[str]:
    from usertrack.segments.match_view import KINDS

    return _starting_with(KINDS, incomplete)


def targets(incomplete: str) -> list[str]:
    from usertrack.push import TARGETS

    return _starting_with(TARGETS, incomplete)


def formats(incomplete: str) -> list[str]:
    from usertrack.cli.output import FORMATS

    return _starting_with(FORMATS, incomplete)


# Options and arguments of many commands, by their name or metavar


def offer_names(parameter: inspect.Parameter) -> None:
    """Give a parameter of texts the completion of its option's name or metavar, unless it has one of its own."""
    for info in get_args(parameter.annotation):
        if isinstance(info, OptionInfo | ArgumentInfo) and not (info.autocompletion or info.min is not None):
            # in Annotated, Typer takes the first name of an option for a default
            keys = [info.default, *(info.param_decls or ()), (info.metavar or "").strip("[].")]
            names = next((_NAMES[key] for key in keys if key in _NAMES), None)
            if names:
                info.autocompletion = _offering(names)


def _offering(names: Callable[[str], Iterable[str]]) -> Callable[[str], list[str]]:
    def offered(incomplete: str) -> list[str]:
        with suppress(Exception):
            return _starting_with(names(incomplete), incomplete)
        return []

    return offered


def _words_of(module: str, name: str) -> Callable[[str], Iterable[str]]:
    """The values of a Literal or tuple in a module, which is imported on use."""

    def words(incomplete: str) -> Iterable[str]:
        import importlib

        words_of_module = getattr(importlib.import_module(module), name)
        return get_args(words_of_module) or tuple(words_of_module)

    return words


def _from_answers(kind: str) -> Callable[[str], Iterable[str]]:
    def names(incomplete: str) -> Iterable[str]:
        from usertrack.cli.names import known_names

        return known_names(_settings(), kind)

    return names


def _properties(incomplete: str) -> Iterable[str]:
    of_persons = (f"person.{name}" for name in _from_answers("person properties")(incomplete))
    return {*_POSTHOG_PROPERTIES, *_from_answers("event properties")(incomplete), *of_persons}


def _zones(incomplete: str) -> Iterable[str]:
    from zoneinfo import available_timezones

    return available_timezones()


def _profiles(incomplete: str) -> Iterable[str]:
    from usertrack.workspace.profiles import profile_names

    return profile_names()


def _emails(incomplete: str) -> Iterable[str]:
    """E-mails of the last snapshots in the history."""
    from datetime import UTC, datetime

    from usertrack.core.spool import connect, quote
    from usertrack.segments.history.file import history_file

    settings = _settings()
    place = history_file(settings, datetime.now(UTC))
    if place is None or not place.path.exists():
        return []
    connection = connect()
    connection.execute(f"ATTACH {quote(str(place.path))} AS history (READ_ONLY)")
    last = "SELECT max(id) FROM history.snapshot WHERE origin = ? GROUP BY set_name"
    people = "SELECT DISTINCT key FROM history.person WHERE starts_with(key, ?) AND snapshot IN"
    rows = connection.execute(f"{people} ({last}) ORDER BY key LIMIT 200", [incomplete, place.origin]).fetchall()
    return [str(key) for (key,) in rows]


_NAMES: dict[str, Callable[[str], Iterable[str]]] = {
    "--interval": _words_of("usertrack.product.scope", "Interval"),
    "--week-start": _words_of("usertrack.product.scope", "WeekStart"),
    "--order": _words_of("usertrack.product.funnel.numbers", "Order"),
    "--type": _words_of("usertrack.product.retention.numbers", "Kind"),
    "--by": _words_of("usertrack.product.journeys.numbers", "By"),
    "--of": _words_of("usertrack.insights.catalog", "PROPERTY_TYPES"),
    "--people": _words_of("usertrack.product.scope", "Population"),
    "--sort": _words_of("usertrack.insights.catalog", "ERROR_ORDERS"),
    "--source": _words_of("usertrack.sources", "REGISTRY"),
    "--timezone": _zones,
    "--set": sets,
    "--profile": _profiles,
    "--tool": _from_answers("tools"),
    "--property": _from_answers("event properties"),
    "PROPERTY": _properties,
    "EVENT": _from_answers("events"),
    "EMAIL": _emails,
    "ID": _from_answers("insights"),
    "PROFILE": _profiles,
}


profiles = _offering(_profiles)


def _settings() -> "Settings":
    from usertrack.cli.common import Common, settings_of

    return settings_of(Common()).without_fetching()


def _rules() -> "Rules":
    from usertrack.cli.common import Common, settings_of
    from usertrack.segments.rules import read_rules
    from usertrack.workspace.files import rules_path

    return read_rules(rules_path(settings_of(Common())))


def _starting_with(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
