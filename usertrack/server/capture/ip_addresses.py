"""Finds and removes IP addresses in the properties of captured events (in Python) and imported files (in SQL).

A property is removed when its name means an address (`ip`, `clientIp`, `X-Forwarded-For`), unless its value is true or
false; and when its whole text is one or more addresses, unless its name means a version, a site or an id. The regular
expressions mean the same to Python and to ClickHouse.
"""

import re
from typing import Any

from usertrack.core.json_types import JsonObject
from usertrack.server.hogql.sql import quote

_OCTET, _GROUP = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])", "[0-9A-Fa-f]{1,4}"
_V4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_V6 = (
    rf"(?:(?:{_GROUP}:){{7}}{_GROUP}|(?:{_GROUP}(?::{_GROUP}){{0,6}})?::(?:{_GROUP}(?::{_GROUP}){{0,6}})?"
    rf"|(?:(?:{_GROUP}:){{6}}|(?:{_GROUP}(?::{_GROUP}){{0,4}})?::(?:{_GROUP}:){{0,5}}){_V4})(?:%[0-9A-Za-z_.-]+)?"
)
_ADDRESS_TEXT = rf"(?:{_V4}(?::[0-9]{{1,5}})?|{_V6}|\[{_V6}\](?::[0-9]{{1,5}})?)(?:/[0-9]{{1,3}})?"
_VALUE = rf" *{_ADDRESS_TEXT}(?: *, *{_ADDRESS_TEXT})* *"
_FIRST = frozenset("0123456789abcdefABCDEF:[ ")

# of a name: ~ is any character, ! any but a letter
_WHOSE = "client|remote|user|visitor|source|src|real|request|peer|login|signup|signin|connecting|public|last|initial"
_TAIL = "s?(?:!?v?[46])?(?:!*addr(?:ess(?:es)?)?)?"
_NAME = (
    rf"(?:(?i:(?:~*!)?(?:{_WHOSE})?ip{_TAIL})|~*[a-z0-9]I[Pp](?i:{_TAIL})"
    "|(?i:~*remote!*addr(?:ess)?)|(?i:(?:~*!)?forwarded(?:!*for)?))"
)
_EXEMPT_NAME = (
    "(?i:~*(?:version|release|build|firmware|revision)~*|(?:~*!)?ver"
    "|!?(?:initial_|session_entry_)?(?:host(?:name)?|referring_domain)|!?(?:anon_)?distinct_id|alias)"
)


def _name(pattern: str, character: str, no_letter: str) -> str:
    return pattern.replace("~", character).replace("!", no_letter)


_ADDRESS = re.compile(_VALUE)
_IS_ADDRESS, _IS_EXEMPT = (re.compile(_name(name, "(?s:.)", "[^A-Za-z]")) for name in (_NAME, _EXEMPT_NAME))


class _AddressNames(dict[str, bool]):
    """Property name → whether it means an address: a cache, as the same few names come with every event."""

    def __missing__(self, name: str) -> bool:
        if len(self) > 10_000:  # made-up names
            self.clear()
        self[name] = is_address = _IS_ADDRESS.fullmatch(name) is not None
        return is_address


_ADDRESS_NAMES = _AddressNames()


def means_address(name: str) -> bool:
    """Whether a property of that name holds an address, whatever its value looks like."""
    return _ADDRESS_NAMES[name]


def hide_addresses(properties: JsonObject) -> None:
    """Removes every address from ``properties``, at any depth; in a list it becomes None."""
    hidden = []
    for name, item in properties.items():
        if _ADDRESS_NAMES[name]:
            if item is not None and not isinstance(item, bool):
                hidden.append(name)
        elif isinstance(item, str):
            if item[:1] in _FIRST and _is_address(item) and not _IS_EXEMPT.fullmatch(name):
                hidden.append(name)
        elif isinstance(item, dict):
            hide_addresses(item)
        elif isinstance(item, list):
            _hide_in_list(item)
    for name in hidden:
        del properties[name]


def _is_address(text: str) -> bool:
    """The two cheap tests come first: few texts are addresses."""
    return (":" in text or "." in text) and _ADDRESS.fullmatch(text) is not None


def _hide_in_list(items: list[Any]) -> None:
    for number, item in enumerate(items):
        if isinstance(item, str):
            if item[:1] in _FIRST and _is_address(item):
                items[number] = None
        elif isinstance(item, dict):
            hide_addresses(item)
        elif isinstance(item, list):
            _hide_in_list(item)


# in SQL

_STRING = r'"(?:[^"\\]|\\.)*"'
_DEEP = ""
for _ in range(4):  # objects and lists in one another that are taken out as one
    _DEEP = rf'(?:[^\[\]{{}}"]|{_STRING}|\[{_DEEP}\]|\{{{_DEEP}\}})*'
_MARK = "\x01"  # never part of JSON
_ESCAPED = r"\\u00[2-7]"
_SIGN = r"\\(?:u[0-9A-Fa-f]{4}|.)"  # a remaining escape is no English letter
_IN_JSON = rf'(?:[^"\\]|{_SIGN})', rf'(?:[^A-Za-z"\\]|{_SIGN})'
_NAMED, _EXEMPT_AS = (rf'"{_name(name, *_IN_JSON)}"\s*:\s*' for name in (_NAME, _EXEMPT_NAME))
_PASSES = (
    (rf"({_NAMED})(?:{_STRING}|-?[0-9][0-9.eE+-]*|\[{_DEEP}\]|\{{{_DEEP}\}})", r"\1null"),
    (f'({_EXEMPT_AS}")', rf"\1{_MARK}"),
    (rf'([:\[,]\s*)"{_VALUE}"', r"\1null"),
    (_MARK, ""),
)


def is_address_sql(text: str, name: str) -> str:
    """SQL: whether the SQL ``text``, of a property ``name``, is an address."""
    return "false" if _IS_EXEMPT.fullmatch(name) else f"match({text}, {quote(f'^{_VALUE}$')})"


def without_addresses_sql(json: str) -> str:
    """SQL: the text of a JSON object with null in place of every address. Escapes are resolved first."""
    plain = f"if(match({json}, {quote(_ESCAPED)}), JSONExtractRaw({json}), {json})"
    hidden = "plain"
    for pattern, by in _PASSES:
        hidden = f"replaceRegexpAll({hidden}, {quote(pattern)}, {quote(by)})"
    suspect = quote(f'{_NAMED}|"{_VALUE}"')
    return f"arrayMap(plain -> if(match(plain, {suspect}), {hidden}, plain), [{plain}])[1]"
