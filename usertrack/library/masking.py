"""Fingerprints of messages: the text without what differs each time, such as ids, amounts and paths.

A fingerprint depends on the message alone. Neither a fingerprint nor a redacted sample holds an e-mail, six digits in a
row, or a text that looks like a token. The patterns never backtrack, so time grows linearly with length.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from http import HTTPStatus

LONGEST = 4_000  # characters of a message that are read
_FINGERPRINT, _SAMPLE = 200, 300  # characters at the most

NO_MESSAGE = "(no message)"
"""The fingerprint of a failure that says nothing."""

Mask = tuple[tuple[str, ...], re.Pattern[str], str | Callable[[re.Match[str]], str]]
"""Lower-case keywords, one of which a message must hold for the pattern to match; the pattern; its replacement."""


def fingerprint(message: str, error_type: str = "", credits: float | None = None) -> str:  # noqa: A002
    """The line of ``message`` that says what happened, without ids, amounts, paths and addresses.

    Codes stay (``rc=137``, ``429``), and so does the 0 of "account has 0". ``error_type`` comes first if the line lacks
    it. A line that says that credits are lacking is followed by the ``credits`` of the account, where these are known.
    """
    line = telling_line(_plain(message))
    if error_type and error_type.lower() not in line.lower():
        line = f"{_plain(error_type)}: {line}"
    text = _cut(_masked(line, _VARIABLE).removesuffix(":"), _FINGERPRINT) or NO_MESSAGE
    if credits is None or not _LACKS_CREDITS.search(line) or _HELD.search(text):
        return text
    return f"{text} (the account has {_amount_left(f'{max(credits, 0):g}', line)})"


def redacted(message: str) -> str:
    """``message`` on one line, its `telling_line` first, without secrets, e-mails, ids, long numbers and URL paths."""
    text = _plain(message)
    telling = telling_line(text)
    rest = [line for line in text.splitlines() if line.strip() and line != telling]
    return _cut(" ⏎ ".join(_masked(line, _SECRETS) for line in [telling, *rest]), _SAMPLE)


def real(message: str) -> str:
    """The `telling_line` of ``message`` as it was written, but for keys and tokens; it is not to be passed on."""
    return _cut(_masked(telling_line(_plain(message)), KEYS), _SAMPLE)


def telling_line(message: str) -> str:
    """The exception of a traceback, the last of a chain of causes, else the first line."""
    lines = [line for line in message.splitlines() if line.strip()]
    traced = [number for number, line in enumerate(lines) if line.startswith(_TRACEBACK)]
    if traced:
        raised = [line for line in [*lines[traced[-1] + 1 :], *lines] if _EXCEPTION.match(line)]
        return raised[0] if raised else lines[-1]
    causes = [line for line in lines if line.startswith("Caused by:")]
    return [*lines[:1], *causes][-1] if lines else ""


_TRACEBACK = "Traceback (most recent call last)"
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?::|$)")


def _plain(text: str) -> str:
    """``text`` without colours, keys and invisible characters, in Unicode's NFKC form."""
    text = _COLOURS.sub("", text[:LONGEST])
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(char for char in text if char.isspace() or unicodedata.category(char) not in _INVISIBLE)
    return _CONTROLS.sub(" ", _PRIVATE_KEY.sub("<secret>", text))


_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_INVISIBLE = ("Cf", "Cs", "Cc", "Co", "Cn", "Mn", "Me")
_PRIVATE_KEY = re.compile(r"-----BEGIN [\s\S]*?(?:-----END[^-]*-----|\Z)")


def _masked(line: str, masks: Sequence[Mask]) -> str:
    lower = line.lower()
    for keywords, pattern, mask in masks:
        if not keywords or any(text in lower for text in keywords):
            line = pattern.sub(mask, line)
    return " ".join(line.split())


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _host(match: re.Match[str]) -> str:
    """An address up to its host; nothing of an address that may hold credentials."""
    host = re.split(r"[/?#]", match["rest"], maxsplit=1)[0]
    return "<url>" if "@" in match["rest"] else f"{match['scheme']}{host}{'/…' if host != match['rest'] else ''}"


def _number(match: re.Match[str]) -> str:
    """Codes stay, because they say what happened; amounts go, unless they say that too little is left."""
    number, line = match[0], match.string
    before, after = line[max(0, match.start() - 30) : match.start()], line[match.end() : match.end() + 40]
    if len(number) <= 3 and (_CODE_BEFORE.search(before) or _is_status(number, before, after)):
        return number
    return _amount_left(number, line) if _HELD_BEFORE.search(before) else "<n>"


_CODE_BEFORE = re.compile(r"(?i)(?:rc|code|status|errno|exit)[\"']?[=: ]+-?$")


def _is_status(number: str, before: str, after: str) -> bool:
    """Whether ``number`` is an HTTP status rather than 431 rows or 512 ms, judged by the words around it."""
    if number not in _STATUSES or before[-1:].isalnum():
        return False
    names_service = _NAMES_SERVICE.search(before) and _NO_COUNT.match(after)
    says_status = _SAYS_STATUS.search(before) and not _COUNTED.match(after)
    return bool(names_service or says_status) or after.lower().startswith(_STATUSES[number])


_STATUSES = {
    **dict.fromkeys(("999", *map(str, range(400, 600))), (" client error", " server error")),
    **{str(status.value): (" client error", " server error", f" {status.phrase.lower()}") for status in HTTPStatus},
}
"""Texts that follow each status; 999 is LinkedIn's, and 520 to 530 are those of proxies such as Cloudflare."""
_SAYS_STATUS = re.compile(
    r"(?i)(?:\bhttp(?:/[\d.]+)?|(?<!key)(?<!index)(?<!value)error|exception|returned|respon\w+(?: with)?"
    r"|failed(?: with)?|got|\w\.\w+:)[=: (\[]+$"
)
_COUNTED = re.compile(
    r"\s*(?:[KMG]i?B|m?s|%)(?!\w)|[.,:]\d| (?!for|from|when|on|at|while|because|after|in|by|and)[a-z]+"
)
_NAMES_SERVICE = re.compile(
    r"(?:^|\b(?!(?:Row|Line|Step|Item|Record|Batch|Page|Attempt|Run|Job|Task|Chunk|Part|Port|User|Id|Number|No|Column"
    r"|Index|Position|Offset|Byte|Size|Limit|Max|Min|After|Only|All|Order|Version|Day|Week)s?\b)[A-Z]\w*) ?$"
)
_NO_COUNT = re.compile(r"[)\]]?(?:$|[:;,-]|\.(?!\d)| -| [A-Z{(<])")
_HELD_WORDS = r"(?i)\b(?:has|have|left|remaining|balance|reported|available)[=:]? *(?:is |of |was |reported )?"
_HELD_BEFORE, _HELD = re.compile(_HELD_WORDS + "$"), re.compile(_HELD_WORDS + "<n>")
_LACKS_CREDITS = re.compile(
    r"(?i)\bcredits?\b(?! card).*(?:insufficient|not enough|exhausted|too low|ran out|required|used up|\bleft\b)"
    r"|(?:insufficient|not enough|no|low on|out of|lack\w*|needs?|less than|required?) (?:\w+ ){0,3}credits?\b(?! card)"
    r"|credit ?check"
)
_NEEDED = re.compile(r"(?i)\b(?:needs?|requires?|required|costs?)[=: ]+(\d+(?:\.\d+)?)(?!\d|[,:]\d)")


def _amount_left(number: str, line: str) -> str:
    """A balance: 0, `<too few>` where the line says that more is needed, else an amount."""
    if not number.strip("0.,"):
        return "0"
    needed = _NEEDED.search(line)
    too_few = (
        needed and number.count(".") < 2 and number.replace(".", "").isdigit() and float(number) < float(needed[1])
    )
    return "<too few>" if too_few else "<n>"


_URL = re.compile(r"(?<![\w+.-])(?P<scheme>[A-Za-z][A-Za-z\d+.-]*+://)(?P<rest>[^\s\"<>`]++)")
_KEYWORDS = (
    *("passw", "passphrase", "pwd", "secret", "token", "apikey", "api_key", "api-key"),
    *("authorization", "credential", "cookie", "session"),
)
_PREFIXES = r"[spr]k[_-]|gh[oprsu]_|github_pat_|glpat-|xox[a-z]-|ph[cxs]_|npm_|pypi-|hf_|napi_|whsec_|A[KS]IA|AIza|eyJ"
KEYS: tuple[Mask, ...] = (
    (("bearer", "basic"), re.compile(r"(?i)(?<!\w)(bearer|basic)\s++[\w.~+/=-]{6,}+"), r"\1 <secret>"),
    (
        _KEYWORDS,
        re.compile(rf"(?i)((?:{'|'.join(_KEYWORDS)})[\w-]*+[\"']?\s*+[:=]\s*+[\"']?)(?!<)[^\s\"',;&)}}\]]++"),
        r"\1<secret>",
    ),
    ((), re.compile(rf"(?<!\w)(?:{_PREFIXES})[\w.~+/=-]{{6,}}+"), "<secret>"),
)
_HIDDEN: tuple[Mask, ...] = (
    *KEYS,
    (("@",), re.compile(r"(?<![\w.!#$%&'*+/=?^`{|}~-])[\w.!#$%&'*+/=?^`{|}~-]++@[\w.\[\]:-]++"), "<email>"),
    ((".",), re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])"), "<ip>"),
    (
        ("-",),
        re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"),
        "<time>",
    ),
    ((), re.compile(r"(?<![\w-])\d(?:[ .,:/-]?\d){5,}+(?![\w-])"), "<n>"),
    ((), re.compile(r"(?<![\w+/-])(?=[\w+/-]*?\d)[\w+-][\w+/-]{31,}+={0,2}"), "<id>"),  # base64
    ((), re.compile(r"(?<![\w-])(?=[\w-]*?\d)[\w-]{8,}+"), "<id>"),
    ((), re.compile(r"(?<![A-Za-z])[A-Za-z]{40,}+"), "<id>"),
    ((), re.compile(r"\d(?:[ .,:/-]?\d){5,}+"), "<n>"),
)
_SECRETS: tuple[Mask, ...] = ((("://",), _URL, _host), *_HIDDEN)
_VARIABLE: tuple[Mask, ...] = (
    (("://",), _URL, "<url>"),
    (("/",), re.compile(r"(?<![\w/.<\\])(?!(?<=\[)/\w*\])~?/[\w.@+~-][\w.@+~%:/-]*+"), "<path>"),
    (("\\",), re.compile(r"(?<!\w)[A-Za-z]:\\[^\s\"'<>|]*+"), "<path>"),
    *_HIDDEN,
    ((), re.compile(r"(?<![A-Za-z_\d])\d+(?:[.,:]\d+)*|\d{2,}"), _number),
)
