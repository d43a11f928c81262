"""Shell completion with the names of the workspace at hand. It never fails and never asks a source."""

from contextlib import suppress


def segments(incomplete: str) -> list[str]:
    names: list[str] = []
    with suppress(Exception):
        from usertrack.cli.desk import rules_path, settings_of
        from usertrack.cli.options import Common
        from usertrack.rules import read_rules

        rules = read_rules(rules_path(settings_of(Common())))
        names = [segment.id for chosen in rules.sets.values() for segment in chosen.segments]
    return sorted({name for name in names if name.startswith(incomplete)})


def queries(incomplete: str) -> list[str]:
    names: list[str] = []
    with suppress(Exception):
        from usertrack.cli.desk import library_of, settings_of
        from usertrack.cli.options import Common

        names = list(library_of(settings_of(Common())))
    return [name for name in names if name.startswith(incomplete)]
