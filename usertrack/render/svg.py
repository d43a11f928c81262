"""Charts as inline SVG, drawn by pygal: no script, no style sheet, no colour of their own, the same bytes every time.

Colours, dashes and fonts are the page's (`page.html.j2`): one drawing is legible in light, in dark and on paper.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from usertrack.core.document import Chart
from usertrack.core.words import number
from usertrack.render import cells, palette
from usertrack.render.safe import visible

_WIDTH, _TREND, _ROW = 880, 260, 26  # of a chart, and the heights of a trend and of one bar
_LABELS = 8  # of days, that fit side by side
_COLOURS = 6  # of series that are no segments: five values of a breakdown and all others
_LONG_NUMBER = re.compile(r"\d+\.\d{2,}")
_FEW = 14  # points that may be large


def draw(chart: Chart) -> str:
    """``chart`` as one `<svg>` element; every text in it is escaped, and `visible`."""
    import pygal
    from pygal.style import Style

    size = _TREND if chart.kind == "trend" else 90 + _ROW * len(chart.x) * len(chart.series)
    kind = pygal.Line if chart.kind == "trend" else pygal.HorizontalBar
    drawn = kind(
        width=_WIDTH,
        height=size,
        js=(),
        css=(),
        style=Style(label_font_size=12, major_label_font_size=12, legend_font_size=12, font_family="inherit"),
        disable_xml_declaration=True,
        show_legend=False,  # the page has one
        include_x_axis=True,
        max_scale=6,
        dots_size=3.5 if len(chart.x) <= _FEW else 2,
        margin=8,
        margin_right=36,  # half of the last label
        truncate_label=32,
        formatter=_formatter(chart),
        value_formatter=_formatter(chart),
        allow_interruptions=True,
        show_minor_x_labels=chart.kind == "bars",
        no_data_text="nothing to show",
    )
    labels = [_label(x) for x in chart.x]
    # pygal draws horizontal bars from the bottom up
    drawn.x_labels = labels if chart.kind == "trend" else labels[::-1]
    if chart.kind == "trend":
        drawn.x_labels_major = labels[:: -max(1, -(-len(labels) // _LABELS))]
    for name, values in chart.series.items():
        drawn.add(visible(name), list(values) if chart.kind == "trend" else list(values)[::-1])
    drawn.add_xml_filter(lambda root: _cleaned(root, chart))
    return str(drawn.render(is_unicode=True))


def _label(x: object) -> str:
    return f"{x:%a} {x.day} {x:%b}" if isinstance(x, date) else visible(str(x))


def _formatter(chart: Chart) -> Callable[[Any], str]:
    def formatted(value: Any) -> str:
        if not isinstance(value, int | float):
            return ""
        if chart.unit == "percent":
            return cells.percent(value, 0)
        text = number(value, 0 if float(value).is_integer() else 1)
        return f"{text} {visible(chart.unit)}".strip()

    return formatted


def _cleaned(root: Any, chart: Chart) -> Any:
    """The drawing without pygal's parts for scripts, with an accessible name and a native tooltip on every point."""
    for parent in list(root.iter()):
        for child in list(parent):
            if (
                not isinstance(child.tag, str)
                or child.tag in ("defs", "script", "style")
                or child.get("class", "").split(" ")[0] in ("tooltip", "tooltip-overlay")
                or child.tag == "title"
            ):
                parent.remove(child)
        parent.attrib.pop("id", None)
    sizes = {_label(x): size for x, size in zip(chart.x, chart.sizes, strict=False)}
    for group in root.iter("g"):
        descriptions = [part for part in group if part.tag == "desc"]
        words = [part.text for part in descriptions if part.get("class") in ("value", "x_label", "label") and part.text]
        for part in descriptions:
            group.remove(part)
        if words:
            of_all = f" of {number(sizes[words[-1]])}" if words[-1] in sizes else ""
            _element(group, "title", ": ".join(reversed(words)) + of_all)
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag == "g" and not len(child)]:
            parent.remove(child)
        for name, value in parent.attrib.items():
            if name != "class":
                parent.set(name, _LONG_NUMBER.sub(lambda match: f"{float(match[0]):.1f}", value))
    for group in root.iter("g"):
        # The class of a group of marks: of its segment's colour, where the series is a segment.
        kind, *names = group.get("class", "").split()
        if kind == "series":
            at = int(names[0].removeprefix("serie-"))
            group.set("class", f"series {series_class(chart, list(chart.series)[at])}")
    root.set("class", f"chart {chart.kind}")
    root.set("role", "img")
    # every value in words, for readers who do not see the drawing
    formatted = _formatter(chart)
    series = []
    for name, values in chart.series.items():
        points = [f"{_label(x)} {formatted(v) or 'not known'}" for x, v in zip(chart.x, values, strict=True)]
        series.append(f"{name}: {', '.join(points)}")
    _element(root, "desc", visible("; ".join(series)))
    _element(root, "title", visible(chart.label))
    return root


def series_class(chart: Chart, name: str) -> str:
    """The class of a series: its segment's colour, or that of its place."""
    return palette.of_tag(chart.tags.get(name)) or f"color-{list(chart.series).index(name) % _COLOURS}"


def _element(parent: Any, tag: str, text: str) -> None:
    child = parent.makeelement(tag, {})
    child.text = text
    parent.insert(0, child)
