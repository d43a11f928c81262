"""Embeds the provenance of a report invisibly in its file, with a digest of the whole file.

`extract_provenance` is the reverse of `embed_provenance`: it returns the same body, whatever its line ends are by then.
"""

import hashlib
import json
import re
from collections.abc import Mapping

from usertrack.core.errors import UsageError
from usertrack.core.json_types import JsonObject

_OPEN, _CLOSE = '<template id="usertrack-provenance">', "</template>\n"
_HTML = re.compile(re.escape(_OPEN) + r"\s*(.*?)\s*" + re.escape(_CLOSE), re.DOTALL)
_BEGIN, _END = "\n<!-- usertrack provenance\n", "\n-->\n"
_MARKDOWN = re.compile(re.escape(_BEGIN) + r"(.*?)" + re.escape(_END), re.DOTALL)
# these could end the comment or the template early, or begin markup in it; JSON has them only within strings
_MARKUP = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "--": "-\\u002d"}


def embed_provenance(body: str, fmt: str, provenance: Mapping[str, object]) -> str:
    """``body``, a whole file in ``fmt`` (markdown or html), with the provenance in it.

    Raises UsageError for a page without ``</body>``, which a user's own template can make.
    """
    # on one line, and safe in a comment and in HTML
    payload = json.dumps({**provenance, "digest": digest(body, provenance)}, ensure_ascii=False, separators=(",", ":"))
    for mark, harmless in _MARKUP.items():
        payload = payload.replace(mark, harmless)
    if fmt == "html":
        head, end, tail = body.rpartition("</body>")
        if not end:
            raise UsageError(
                "the page has no </body>: where its figures come from is embedded in front of that",
                'end your template with it, or extend ours: {% extends "shipped/weekly.html.j2" %}',
            )
        return f"{head}{_OPEN}\n{payload}\n{_CLOSE}</body>{tail}"
    return f"{body}{_BEGIN}{payload}{_END}"


def embed_in_json(document: Mapping[str, object], provenance: Mapping[str, object]) -> JsonObject:
    """The JSON document with its provenance as the last member."""
    return {**document, "provenance": {**provenance, "digest": digest(json_body(document), provenance)}}


def json_body(document: Mapping[str, object]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def extract_provenance(text: str) -> tuple[str, str, JsonObject] | None:
    """Format, body and provenance of a report's file; None when it has none. Nothing in it is run or rendered."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    for fmt, pattern in (("html", _HTML), ("markdown", _MARKDOWN)):
        matches = list(pattern.finditer(text))
        if matches and (parsed := _read(matches[-1][1])) is not None:
            return fmt, text[: matches[-1].start()] + text[matches[-1].end() :], parsed
    document = _read(text)
    if document is not None and isinstance(provenance := document.pop("provenance", None), dict):
        return "json", json_body(document), provenance
    return None


def _read(text: str) -> JsonObject | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def digest(body: str, provenance: Mapping[str, object]) -> str:
    """A digest of body and provenance. Blank lines at the end and the kind of line ends make no difference."""
    known = {name: value for name, value in provenance.items() if name != "digest"}
    text = body.replace("\r\n", "\n").rstrip() + "\n" + json.dumps(known, sort_keys=True)
    return "sha256:" + hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
