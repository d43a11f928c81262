"""Scans source code for what it sends."""

import gc
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.plan.scan.extraction import parser_for
from usertrack.plan.scan.files import LANGUAGES, source_tree
from usertrack.plan.scan.inference import Inference
from usertrack.plan.scan.program import Program
from usertrack.plan.scan.sinks import CustomSink
from usertrack.plan.scan.site import TOO_COMPLEX, Scan, Unresolved

NESTING = 20_000
"""Source code nests deeper than Python's own limit allows to follow."""


def scan_code(
    paths: Sequence[Path],
    sinks: Sequence[CustomSink] = (),
    wrappers: Sequence[CustomSink] = (),
    repository: Path | None = None,
) -> Scan:
    """The sites below ``paths`` that send an event. Raises UsageError for a path that does not exist or is no code.

    Wrappers may lie elsewhere in ``repository``; by default, in the git repository that the paths are in.
    """
    started = time.perf_counter()
    for path in paths:
        if not path.exists():
            raise UsageError(f"'{path}' does not exist", "name a folder or a file of source code")
        if path.is_file() and path.suffix.lower() not in LANGUAGES:
            raise UsageError(f"'{path}' is no source code that can be read", f"it reads {' '.join(LANGUAGES)}")
    parser_for("python")
    tree = source_tree(paths, repository)
    with _deep_recursion(), _no_garbage_collection():
        program = Program(tree)
        inference = Inference(program, sinks, wrappers)
        sites, unresolved = inference.run()
        broken = [
            Unresolved(file.path, file.error_line, "", "this line could not be parsed; the rest of the file was read")
            for file in program.parsed
            if file.error_line is not None
        ]
        unresolved += inference.unscanned()
        profiles = inference.profiles()
    too_complex = [Unresolved(*place, "", TOO_COMPLEX) for place in inference.evaluator.budget.too_complex]
    unread = [Unresolved(path, 1, "", reason) for path, reason in program.unread.items()]
    around = {file.path for file in tree.around}
    own_sites = [site for site in sites if site.file not in around]
    everything = [place for place in (*unresolved, *broken, *too_complex, *unread) if place.file not in around]
    everything.sort(key=lambda place: (place.file, place.line))
    own_profiles = [site for site in profiles if site.file not in around]
    return Scan(own_sites, everything, len(tree.files), time.perf_counter() - started, own_profiles)


@contextmanager
def _deep_recursion() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, NESTING))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Switch garbage collection off: all that is read stays, and looking through it takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
