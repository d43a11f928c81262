"""The colours and what they mean: a segment's by its place in its set, good, bad, and data without a verdict.

Red is for bad alone. These are for a terminal: each has a contrast of 4.5 on black and on white. `page.css` has the
same hues by the same names (``--segment-1``, ``--good``, …), once for light and once for dark paper.
"""

from usertrack.core.document import Tag

SEGMENTS = ("#bb5a0a", "#8c5cd0", "#3074d3", "#ba49a4", "#8b7400", "#0e7dad", "#9b6b42", "#67778b")
DATA = "#0e8288"  # of bars and sparklines
COLOURS = {
    **{f"segment-{place}": colour for place, colour in enumerate(SEGMENTS, start=1)},
    "good": "#2c854a",
    "bad": "#cf4540",
    "warning": "#a06b00",
}
"""The colour of each tone."""

_VERDICTS = {
    **dict.fromkeys(("ok", "yes", "completed", "good", "excellent", "better", "working", "resolved"), "good"),
    **dict.fromkeys(("fail", "failed", "error", "below good", "worse", "missing", "silent", "critical"), "bad"),
    **dict.fromkeys(("warning", "stale"), "warning"),
}


def of_tag(tag: Tag | None) -> str:
    """The tone of a name; of places after the last colour, none."""
    return f"segment-{tag.place + 1}" if tag and tag.place < len(SEGMENTS) else ""


def of_verdict(name: str) -> str:
    """The tone of ``ok``, ``failed`` and their like; of any other word, none."""
    return _VERDICTS.get(name.casefold(), "")


def of_change(good: bool | None) -> str:  # noqa: FBT001 - as `Change` has it
    return "" if good is None else "good" if good else "bad"
