"""Pages to mend, by the number of people who clicked in anger or met an error there."""

from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Field
from usertrack.core.words import number
from usertrack.library.masking import fingerprint
from usertrack.reports.weekly import Weekly

FRUSTRATED = "frustrated"
"""The segment that is shown by page."""
PAGES = 3  # pages, unless --limit says otherwise

_Page = dict[str, Any]


def ux_pages(weekly: Weekly) -> list[_Page]:
    """The rows of `posthog/ux_pages`, the pages that hit most people first; nothing where these are not known."""
    return list(weekly.parts["ux"].dicts()) if "ux" in weekly.parts else []


def ux_words(page: _Page) -> str:
    """``/billing: 35× rage click, 12× exception, most often “TypeError: x is undefined”``."""
    kinds = [f"{number(page[name])}× {kind}" for name, kind in _KINDS.items() if page[name]]
    error = f", most often “{fingerprint(page['top_message'])}”" if page["top_message"] else ""
    return f"{page['page']}: {', '.join(kinds)}{error}"


_KINDS = {"rage_clicks": "rage click", "exceptions": "exception"}


def ux_blocks(weekly: Weekly) -> list[Block]:
    """The pages as a listing, for the full report."""
    columns: Columns[_Page] = Columns(
        Attribute("people", "BIGINT", lambda page: page["persons"], Field("People", "number")),
        Attribute("what", "VARCHAR", ux_words, Field("Page, and what happened there", "text", grows=True)),
    )
    pages = ux_pages(weekly)
    return [columns.listing(pages, "Mend these first", limit=PAGES)] if pages else []
