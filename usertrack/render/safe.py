"""Makes text of data harmless for each kind of output: it comes from strangers.

HTML is escaped by Jinja's autoescape, on top of `visible`; Rich only ever gets `Text`, which has no markup.
"""

import html
import re

# C0, DEL, C1, soft hyphen, bidi marks, embeddings, overrides and isolates, zero-width and tag characters, line
# separators, lone surrogates. Joiners (U+200C, U+200D) and variation selectors stay: emoji and Persian need them.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# Emphasis, code, links (bare ones too), HTML, entities, maths, table bars; at the start: headings, lists and rules.
_MARKDOWN = re.compile(
    r"[\\`*\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.|^[#=]|^[+-](?=[\s-]|$)", re.IGNORECASE
)
# GitHub makes mentions and issue links of these even when they are escaped: only something in between helps.
_GITHUB = re.compile(r"(?<![a-z0-9_])@(?=[a-z0-9])|#(?=\d)|\bGH-(?=\d)", re.IGNORECASE)
_CODE = re.compile("`([^`]*[^` ][^`]*)`")
_ORDERED = re.compile(r"^(\d+)([.)])(?=\s|$)")
_SURROGATE = re.compile("[\ud800-\udfff]")

# A spreadsheet takes these for the start of a formula, also behind blanks and in full width.
FORMULA = "^(?:[ \t\r\n]*[=+@\uff1d\uff0b\uff0d\uff20-]|[\t\r\n])"
_FORMULA = re.compile(FORMULA)


def _show(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)  # ␛ ␊ ␉ …
    if code == 0x7F:
        return "␡"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """``text`` on one line, with every control, bidi and invisible character made visible."""
    return _HIDDEN.sub(_show, text)


def on_screen(text: str) -> str:
    """``text`` of several lines with all control characters but newlines and tabs made visible."""
    return _HIDDEN.sub(lambda match: match[0] if match[0] in "\n\t" else _show(match), text)


def markdown(text: str) -> str:
    """``text`` as Markdown that shows it literally, also inside a table cell."""
    escaped = _MARKDOWN.sub(lambda match: "\\" + match[0], visible(text).strip(" "))
    return _ORDERED.sub(r"\1\\\2", _GITHUB.sub(r"\g<0><!-- -->", escaped))


def markdown_html(text: str) -> str:
    """``text`` for Markdown between HTML tags that begin a line, where Markdown escapes nothing."""
    escaped = html.escape(visible(text).strip(" "), quote=False)
    return _GITHUB.sub(r"\g<0><!-- -->", escaped).replace("$", "&#36;")


def prose(text: str) -> list[tuple[str, bool]]:
    """The parts of a sentence, made `visible`, each with whether it is code in backticks."""
    parts = _CODE.split(visible(text))
    return [(part, bool(number % 2)) for number, part in enumerate(parts) if part]


def markdown_prose(text: str) -> str:
    """`prose` as Markdown: code as code, all else literally. Not for table cells."""
    return "".join(f"`{part}`" if code else _spaced(part) for part, code in prose(text)).strip(" ")


def _spaced(part: str) -> str:
    before, after = len(part) - len(part.lstrip(" ")), len(part.rstrip(" "))
    return " " * before + markdown(part) + " " * (len(part) - max(after, before))


def url(text: str) -> str:
    """``text`` as the address of a link: a relative one or one of http, percent-encoded; empty for any other."""
    from urllib.parse import quote, urlsplit

    encoded = quote(text, safe="/:?#[]@!$&'()*+,;=%~", errors="replace")
    try:
        parts = urlsplit(encoded)
    except ValueError:
        return ""
    return encoded if parts.scheme in ("http", "https") or not (parts.scheme or parts.netloc) else ""


def is_formula(text: str) -> bool:
    return _FORMULA.match(text) is not None


def utf8(text: str) -> bytes:
    """UTF-8; a lone surrogate, which UTF-8 cannot hold, becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode()


def slack(text: str) -> str:
    """``text`` as Slack's mrkdwn without links, mentions or channels, which Slack writes as ``<…>``."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
