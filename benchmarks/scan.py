"""Scores `plan scan` on real products: recall and precision of events, of places and of property keys, and seconds.

    python benchmarks/scan.py CHECKOUTS [--truth FOLDER] [--missed]

CHECKOUTS has one folder a product, named as in `coverage_NAME.json`. Beside it, in the same run, what two regular
expressions find that people grep with.
"""

import argparse
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usertrack.plan.scan.files import source_bytes, source_tree
from usertrack.plan.scan.scan import scan_code

TRUTH = Path(__file__).parents[2] / "shared" / "data" / "coverage"
POSTHOG = re.compile(r"""posthog\??\.capture\(\s*(?:[\w.]+\s*,\s*)?["'`]([^"'`]+)["'`]""")
ANY_VERB = re.compile(
    r"""\b\w*(?:capture|track|event|Capture|Track|Event)\w*\??\.?\(\s*(?:[\w.]+\s*,\s*)?["'`]([^"'`]+)["'`]"""
)


@dataclass
class Score:
    events: set[str]
    truth: set[str]
    pairs: set[tuple[str, str]]
    true_pairs: set[tuple[str, str]]
    keys: int = 0
    true_keys: int = 0
    missed_keys: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("--truth", type=Path, default=TRUTH)
    parser.add_argument("--missed", action="store_true", help="list what is missed and what is false")
    arguments = parser.parse_args()
    print(
        f"{'product':<12}{'technique':<22}{'events':>8}{'recall':>8}{'prec.':>8}{'places':>8}{'keys':>8}{'files':>7}{'s':>7}"
    )
    for path in sorted(arguments.truth.glob("coverage_*.json")):
        truth = json.loads(path.read_text())
        name = path.stem.removeprefix("coverage_")
        folder = arguments.checkouts / name
        if not folder.is_dir():
            print(f"{name:<12}no checkout in {folder}")
            continue
        scan = scan_code([folder])
        pairs = {(site.file, site.event or site.pattern or "") for site in scan.sites}
        score = scored(truth, pairs)
        count_keys(score, truth, scan.sites)
        show(name, "plan scan", score, scan.files, scan.seconds)
        show(name, 'posthog.capture("…")', scored(truth, by_regex(folder, POSTHOG)))
        show(name, 'any verb("…")', scored(truth, by_regex(folder, ANY_VERB)))
        if arguments.missed:
            list_missed(score)


def scored(truth: dict[str, Any], pairs: Iterable[tuple[str, str]]) -> Score:
    """A pattern counts as its event; a name that a dynamic site lists counts as neither right nor wrong."""
    values = {value for site in truth["sites"] for value in site.get("values", ())}
    neutral = values - set(truth["events"])
    mine = {(file, event) for file, event in pairs if event not in neutral}
    return Score(
        {event for _, event in mine},
        set(truth["events"]),
        mine,
        {(site["path"], site["event"]) for site in truth["sites"]},
    )


def count_keys(score: Score, truth: dict[str, Any], sites: Iterable[Any]) -> None:
    """Each key of the truth, whether the same file and event have it (at the same line, where there is such a site)."""
    mine: dict[tuple[str, str], list[Any]] = {}
    for site in sites:
        mine.setdefault((site.file, site.event or site.pattern), []).append(site)
    for site in truth["sites"]:
        candidates = mine.get((site["path"], site["event"]), [])
        candidates = [c for c in candidates if c.line == site["event_line"]] or candidates
        keys = {p.name for c in candidates for p in c.properties}
        missing = [key for key in site["properties"] if key not in keys]
        score.true_keys += len(site["properties"])
        score.keys += len(site["properties"]) - len(missing)
        if missing:
            score.missed_keys.append(f"{site['path']}:{site['event_line']} {site['event']}: {', '.join(missing)}")


def by_regex(folder: Path, pattern: re.Pattern[str]) -> set[tuple[str, str]]:
    return {
        (file.path, match.group(1))
        for file in source_tree([folder]).files
        for match in pattern.finditer(source_bytes(file.location).decode(errors="replace"))
    }


def show(name: str, technique: str, score: Score, files: int = 0, seconds: float = 0) -> None:
    right = score.events & score.truth
    recall, precision = len(right) / len(score.truth), len(right) / max(1, len(score.events))
    places = len(score.pairs & score.true_pairs) / len(score.true_pairs)
    keys = f"{score.keys / score.true_keys:>8.1%}" if score.true_keys else f"{'':>8}"
    rest = f"{files:>7}{seconds:>7.1f}" if files else ""
    print(f"{name:<12}{technique:<22}{len(score.events):>8}{recall:>8.1%}{precision:>8.1%}{places:>8.1%}{keys}{rest}")


def list_missed(score: Score) -> None:
    for event in sorted(score.truth - score.events):
        print(f"    missed   {event}")
    for file, event in sorted(score.pairs):
        if event not in score.truth:
            print(f"    false    {event!r} in {file}")
    for file, event in sorted(score.true_pairs - score.pairs):
        if event in score.events:
            print(f"    missed   {event} in {file}")
    for file, event in sorted(score.pairs - score.true_pairs):
        if event in score.truth:
            print(f"    extra    {event} in {file}")
    for line in score.missed_keys:
        print(f"    keys     {line}")


if __name__ == "__main__":
    main()
