"""Shell completion with the names of the workspace at hand. It never fails and never asks a source."""

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from usertrack.rules import Rules


def segments(incomplete: str) -> list[str]:
    """Those of every set."""
    with suppress(Exception):
        names = {segment.id for chosen in _rules().sets.values() for segment in chosen.segments}
        return _those(names, incomplete)
    return []


def segments_of_set(context: typer.Context, incomplete: str) -> list[str]:
    """Those of the set that the line names, for commands that take no others."""
    with suppress(Exception):
        chosen = _rules().set_named(context.params.get("set_name") or "action")
        return _those([segment.id for segment in chosen.segments], incomplete)
    return []


def sets(incomplete: str) -> list[str]:
    with suppress(Exception):
        return _those(_rules().sets, incomplete)
    return []


def funnels(incomplete: str) -> list[str]:
    with suppress(Exception):
        from usertrack.analytics.funnel import named_funnels
        from usertrack.cli.desk import funnel_paths, settings_of
        from usertrack.cli.options import Common

        return _those(named_funnels(funnel_paths(settings_of(Common()))), incomplete)
    return []


def queries(incomplete: str) -> list[str]:
    with suppress(Exception):
        from usertrack.cli.desk import library_of, settings_of
        from usertrack.cli.options import Common

        library = library_of(settings_of(Common()))
        return _those(library, incomplete) or _those({name.rpartition("/")[2] for name in library}, incomplete)
    return []


def metrics(incomplete: str) -> list[str]:
    with suppress(Exception):
        from usertrack.cli.desk import library_of, settings_of
        from usertrack.cli.options import Common

        return _those(library_of(settings_of(Common())).metrics(), incomplete)
    return []


def kinds(incomplete: str) -> list[str]:
    from usertrack.report.match import KINDS

    return _those(KINDS, incomplete)


def populations(incomplete: str) -> list[str]:
    from typing import get_args

    from usertrack.analytics.frame import Population

    return _those(get_args(Population), incomplete)


def targets(incomplete: str) -> list[str]:
    from usertrack.push import TARGETS

    return _those(TARGETS, incomplete)


def formats(incomplete: str) -> list[str]:
    from usertrack.cli.output import FORMATS

    return _those(FORMATS, incomplete)


def _rules() -> "Rules":
    from usertrack.cli.desk import rules_path, settings_of
    from usertrack.cli.options import Common
    from usertrack.rules import read_rules

    return read_rules(rules_path(settings_of(Common())))


def _those(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
