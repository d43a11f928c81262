"""Keeps secrets and names out of events of usertrack.js: words stay, and what is no word becomes a placeholder.

A page's own texts (paths, labels, titles, messages, names of forms) keep words of a list, words and routes that the
product has declared, and short numbers. Values that the product's code named itself (custom properties, traits) lose
secrets, e-mails and what follows the path of an address. docs/decisions has the reasons.
"""

import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from functools import lru_cache
from pathlib import Path
from typing import Any

from usertrack.core.emails import email_in
from usertrack.core.json_types import JsonObject
from usertrack.library.masking import KEYS
from usertrack.server.capture.identity import SIGNATURE
from usertrack.server.capture.payload import Event, as_dict
from usertrack.server.http import json_text

_SCRIPTS = ("usertrack.js", "user-activity")  # `$lib` of our script, and of the format for pages without it
_EVENTS = {
    "$pageview", "$pageleave", "page_time", "$autocapture", "form_submit", "field_error", "$exception", "error_click",
    "$rageclick", "$dead_click",
}  # fmt: skip
# made by the script or by this server, of no text of a page
_MADE = {
    "$lib", "$event_type", "$session_id", "$window_id", "$device_id", "$anon_distinct_id", "$ip", "$browser",
    "$os", "$device_type", "client_timestamp", SIGNATURE,
}  # fmt: skip
# ids as the product's code gives them, like a distinct id: two of them that became one would merge people
_IDS = {"$create_alias": {"alias"}, "$groupidentify": {"$group_key", "$group_type"}}
_HOSTS = ("$host", "$referring_domain")
_GIVEN = ("$set", "$set_once", "$group_set", "$groups")  # by the product's code
_LABEL, _DECLARED = "$el_text", "$el_declared"  # the latter says that `data-usertrack-label` is the text
_LONGEST = 16 << 10  # characters of a text, the limit of a whole event in usertrack.js
_KEPT = 10_000  # texts whose result is known; most pages, labels and messages come again and again
_SHORT = 500  # characters of such a text, so that these hold 10 MB at the most

_YEAR = re.compile(r"20[0-4]\d")
_WORD = 40  # letters; no word is longer, and what follows takes time that grows with the square
_HALF = 4  # letters of a word within another; one in 140 000 pairs of such words is random letters
# of the forms of a word; none in -er, as names are
_ENDS = (
    ("s", ""), ("es", ""), ("ies", "y"), ("ied", "y"), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"), ("ion", ""),
    ("ion", "e"), ("ation", ""), ("ation", "e"), ("able", ""), ("able", "e"), ("ly", ""), ("ment", ""), ("ness", ""),
)  # fmt: skip
_TOKEN = re.compile(r"[A-Za-z0-9]+(?:[-_.]+[A-Za-z0-9]+)*")
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_CHUNK = re.compile(r"[-_.]+")
_NUMBERED = re.compile(r"[vqh]\d{1,2}", re.IGNORECASE)  # v2, Q3, h1
_TEXT = re.compile(
    r"(?P<url>[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>`]*)|(?P<path>(?<![\w+=~.%-])/[^\s\"'<>`]+)"
    r"|(?P<digits>(?<!\w)[+-]?\d(?:[^\w@%]{0,3}\d){3,}(?![\w@%]))"  # such as phone numbers
    r"|[\w@%+/.~$^\\-]+",
    re.IGNORECASE,
)
_SELECTOR = re.compile(r"[^\s.#>\[\]\"=:()*]+")
_URL = re.compile(r"([a-z][a-z0-9+.-]*:)?//(?:[^/?#]*@)?([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"(?:[a-z0-9-]{1,40}\.)+[a-z0-9-]{1,40}(?::\d{1,5})?|localhost(?::\d{1,5})?")
_POSITION = re.compile(r":\d{1,7}:\d{1,7}$")  # line and column in a stack

_NAMES_SECRET = re.compile(
    r"(?:passw\w*|(?:^|[_-])pass|pwd|secret|token|(?:api|secret|private|access)[_-]?key|authorization|credentials?|cookie|jwt"
    r"|session[_-]?id)$",
    re.IGNORECASE,
)
_NAMES_ID = re.compile(r"(?:^|[_-])[iI]d$|Id$")
_WRITTEN = re.compile(r"[^\s\"'<>`=&?,;]+")
_AT = re.compile(r"@|%(?:25)*40")
_LONG = re.compile(r"[\w+/=~.-]{16,}")
_RUN = re.compile(r"[^\W_]{16}")
_RANDOM = 16  # characters without a word: 64 bits and more in any alphabet, while most names of things are shorter
_COMPOUND = 20  # letters of a word that is not listed, such as Benutzerverwaltung


class Readable:
    """The rules, with the routes and words that a product has declared.

    A declared line that begins with ``/`` is a route, such as ``/orgs/:org/members``; its words and those of all other
    lines are readable. Safe to call from threads.
    """

    def __init__(self, declared: Iterable[str] = ()) -> None:
        lines = [line.strip() for line in declared if line.strip() and not line.startswith("#")]
        self._routes = [line.split("/") for line in lines if line.startswith("/")]
        own = {part.lower() for line in lines for part in re.findall(r"[^\W\d_]+", line)}
        listed = Path(__file__).with_name("words.txt").read_text().splitlines()
        self._words = own.union(string.ascii_lowercase, (word for word in listed if not word.startswith("#")))
        self.path = _cached(self._path)
        self.text = _cached(self._text)
        self.selector = _cached(self._selector)
        self.name = _cached(self._name)
        self.value = _cached(self._value)

    @staticmethod
    def concerns(event: Event) -> bool:
        """Return whether ``event`` comes from our script; events of other libraries stay as they are."""
        return event.properties.get("$lib") in _SCRIPTS

    def clean(self, event: Event) -> None:
        """Replace what is not to be stored in an event of our script."""
        if self.concerns(event):
            event.properties = self._properties(event.event, event.properties)
            event.event = self.name(event.event)

    def clean_json(self, text: bytes) -> bytes:
        """Do the same for the JSON of an event that was refused."""
        event = json_text.parse(text.decode())
        properties = as_dict(event.get("properties"))
        if properties.get("$lib") not in _SCRIPTS:
            return text
        event["properties"] = self._properties(event.get("event"), properties)
        return json_text.dump(
            event | {name: self._given(name, event[name]) for name in event.keys() & {*_GIVEN, "event"}}
        )

    def _properties(self, event: Any, properties: Mapping[str, Any]) -> JsonObject:  # noqa: ANN401
        event = event if isinstance(event, str) else ""
        made = _MADE | _IDS.get(event, set()) | ({_LABEL} if properties.get(_DECLARED) is True else set())
        is_own, cleaned = event in _EVENTS, {}
        for name, value in properties.items():
            if name in made:
                cleaned[name] = value
            elif name == "$pathname":
                cleaned[name] = _each_text(value, self.path)
            elif name in _HOSTS and isinstance(value, str) and _HOST.fullmatch(value):
                cleaned[name] = value
            elif name in _GIVEN:
                cleaned[name] = self._given(name, value)
            elif is_own or name.startswith("$"):
                cleaned[name] = _each_text(value, self.selector if name == "selector" else self.text)
            else:
                cleaned[self.name(name)] = self._named("", name, value)
        return cleaned

    def _given(self, place: str, value: Any) -> Any:  # noqa: ANN401
        """Clean what the product's code named, in ``$set`` or another ``place``."""
        if isinstance(value, dict):
            return {self.name(name): self._named(place, name, item) for name, item in value.items()}
        return [self._given("", item) for item in value] if isinstance(value, list) else _each_text(value, self.value)

    def _named(self, place: str, name: str, value: object) -> object:
        """Clean the ``value`` of a ``name``; an e-mail stays where the name of a person's trait says that it is one."""
        if (
            isinstance(value, str)
            and place in ("$set", "$set_once")
            and name.lower().endswith("email")
            and email_in(value)
        ):
            return value
        if _is_secret(name) and not isinstance(value, bool):  # cookie: true is a choice
            return value and "*"
        if type(value) is not str:
            return self._given("", value)
        return self.name(value) if place == "$groups" or _NAMES_ID.search(name) else self.value(value)

    # a page's own texts

    def _is_readable(self, token: str) -> bool:
        """Whether ``token`` is made of words, such as ``settings``, ``pullRequests`` and ``oauth2``."""
        if token.lower() in self._words:  # oauth2, e2e
            return True
        if not _TOKEN.fullmatch(token):
            return False
        letters, digits = [], 0
        for chunk in _CHUNK.split(token):
            for part in [chunk] if self._is_word(chunk) else _PART.findall(chunk):
                if part.isdigit():
                    digits += 0 if _YEAR.fullmatch(part) else len(part)
                else:
                    letters.append(part)
        if not letters:
            return digits <= 3
        if digits and max(map(len, letters)) == 1:
            return bool(_NUMBERED.fullmatch(token))
        long_enough = len(letters) == 1 or sum(map(len, letters)) > 2 * len(letters)  # letters at random: AbCdEf
        return digits <= 2 and long_enough and all(map(self._is_word, letters))

    def _is_word(self, part: str) -> bool:
        if len(part) > _WORD:
            return False
        lower = part.lower()
        return lower in self._words or (f"-{lower}" not in self._words and is_form(lower, self._words))

    def _path(self, path: str) -> str:
        address = _URL.fullmatch(path)
        parts = re.split("[?#]", address[3] if address else path, maxsplit=1)[0].split("/")
        for route in self._routes:
            if len(route) == len(parts) and all(a == b or a[:1] == ":" for a, b in zip(route, parts, strict=True)):
                return "/".join(route)
        return "/".join(map(self._part, parts))

    def _part(self, part: str) -> str:
        part = part.partition(";")[0]  # ;jsessionid=…
        is_known = part in ("", "-") or (not part.isdigit() and self._is_readable(part.lstrip(":._")))
        return part if is_known else ":id"

    def _address(self, text: str) -> str:
        """Return a URL or path as origin and path, and the line and column after it."""
        body = text.rstrip(").,;:!]}")
        position = _POSITION.search(body)
        end = text[position.start() if position else len(body) :]
        text = text.removesuffix(end)
        address = _URL.fullmatch(text)
        host = (address[2].lower() if _HOST.fullmatch(address[2].lower()) else "*") if address else ""
        origin = f"{address[1] or ''}//{host}" if address else ""
        return origin + self.path(address[3] if address else text) + end

    def _text(self, text: str) -> str:
        return _TEXT.sub(self._piece, text)

    def _piece(self, match: re.Match[str]) -> str:
        piece = match[0]
        if match["url"] or match["path"]:
            return self._address(piece)
        if match["digits"]:
            return piece if _YEAR.fullmatch(piece) else "*"
        if "/" in piece:
            return "/".join(map(self._part, piece.split("/")))
        token = piece.strip("+/.~$^\\-_%")
        return piece if not token or self._is_readable(token) else "*"

    def _selector(self, text: str) -> str:
        return _SELECTOR.sub(lambda match: match[0] if self._is_readable(match[0].strip("-_")) else "*", text)

    # what the product's code named

    def _name(self, text: str) -> str:
        if "/" in text:
            text = _TEXT.sub(lambda match: self._address(match[0]) if match["url"] or match["path"] else match[0], text)
        lower = text.lower()
        for keywords, pattern, mask in KEYS:
            if not keywords or any(word in lower for word in keywords):
                text = pattern.sub(mask, text)
        return _WRITTEN.sub(lambda match: "*" if _AT.search(match[0]) else match[0], text) if _AT.search(text) else text

    def _value(self, text: str) -> str:
        text = self._name(text)
        return _LONG.sub(self._unless_random, text) if _RUN.search(text) else text

    def _unless_random(self, match: re.Match[str]) -> str:
        return "*" if any(map(self._is_random, re.split(r"[-_./+=~]+", match[0]))) else match[0]

    def _is_random(self, chunk: str) -> bool:
        if len(chunk) < _RANDOM or chunk.isdigit():
            return False
        longest = _COMPOUND if re.fullmatch("[A-Z]?[a-z]+", chunk) else _RANDOM
        return len(chunk) >= longest and not self._is_readable(chunk)


def is_form(word: str, words: Set[str]) -> bool:
    """Whether ``word``, in lower case, is a form of one of ``words``, or two in one, such as `datarooms`."""
    return not words.isdisjoint(_stems(word)) or any(
        word[:at] in words and (word[at:] in words or not words.isdisjoint(_stems(word[at:])))
        for at in range(_HALF, len(word) - _HALF + 1)
    )


def _stems(word: str) -> Iterator[str]:
    """Yield what ``word`` may be a form of, as are `updates`, `updating` and `reupdated`."""
    for end, other in _ENDS:
        stem = word.removesuffix(end)
        if stem != word and len(stem) > 2:
            yield stem + other
            if end[0] in "ei" and stem[-1] == stem[-2]:  # stopped
                yield stem[:-1]
            if end == "s":
                yield from _stems(stem)
    for start in ("un", "re", "non", "pre"):
        if word.startswith(start) and len(word) - len(start) > 3:  # reid is a name
            yield (stem := word.removeprefix(start))
            yield from _stems(stem)


def _cached(rule: Callable[[str], str]) -> Callable[[str], str]:
    known = lru_cache(_KEPT)(rule)
    return lambda text: known(text) if len(text) <= _SHORT else rule(text[:_LONGEST])


def _each_text(value: object, rule: Callable[[str], str]) -> object:
    if type(value) is str:  # no number that is OutOfRange
        return rule(value)
    if isinstance(value, list):
        return [_each_text(item, rule) for item in value]
    return {rule(name): _each_text(item, rule) for name, item in value.items()} if isinstance(value, dict) else value


@lru_cache(_KEPT)
def _is_secret(name: str) -> bool:
    return bool(_NAMES_SECRET.search(name))
