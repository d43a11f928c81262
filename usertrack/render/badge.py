"""A badge for a README: a label and a share, as SVG."""

from usertrack.render import templates

_COLOURS = ((0.9, "#2e8540"), (0.7, "#8a6d00"), (0.0, "#cf4040"))
_LETTER, _PADDING = 7, 10  # pixels of a letter of 11 px Verdana, and beside a text


def badge(label: str, share: float | None) -> str:
    """The SVG for a ``share`` from 0 to 1; None is written as unknown. It is rounded down: 100 % is all."""
    value = "unknown" if share is None else f"{int(share * 100 + 1e-9)} %"
    colour = "#555555" if share is None else next(colour for least, colour in _COLOURS if share >= least)
    page = templates.template(["badge.svg.j2"], None, autoescape=True, helpers={})
    widths = {"left": len(label) * _LETTER + _PADDING, "right": len(value) * _LETTER + _PADDING}
    return str(page.render(label=label, value=value, colour=colour, **widths))
