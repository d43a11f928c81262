"""A badge for a README: a label and a share, as SVG."""

from usertrack.render import palette, templates

_TONES = ((0.9, "good"), (0.7, "warning"), (0.0, "bad"))
_LETTER, _PADDING = 7, 10  # pixels of a letter of 11 px Verdana, and beside a text


def badge(label: str, share: float | None) -> str:
    """The SVG for a ``share`` from 0 to 1; None is written as unknown. It is rounded down: 100 % is all."""
    value = "unknown" if share is None else f"{int(share * 100 + 1e-9)} %"
    colour = "#555555" if share is None else next(palette.COLOURS[tone] for least, tone in _TONES if share >= least)
    page = templates.template(["badge.svg.j2"], None, autoescape=True, helpers={})
    widths = {"left": len(label) * _LETTER + _PADDING, "right": len(value) * _LETTER + _PADDING}
    return str(page.render(label=label, value=value, colour=colour, **widths))
