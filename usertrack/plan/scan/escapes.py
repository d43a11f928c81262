"""Escapes in strings of JavaScript and Python as the characters that they mean."""

import re
import unicodedata

CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_JAVASCRIPT = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]+)\}|(\r\n|.))", re.DOTALL)
_PYTHON = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|N\{([^}]+)\}|(\r?\n)|([\\'\"abfnrtv]))"
)


def decode_javascript(source: str) -> str:
    """``source`` without escapes; an unknown one is the character after the backslash."""
    return _paired(_JAVASCRIPT.sub(_javascript_character, source)) if "\\" in source else source


def decode_python(source: str) -> str:
    """``source`` without escapes; an unknown one stays as it is."""
    return _paired(_PYTHON.sub(_python_character, source)) if "\\" in source else source


def _javascript_character(escape: re.Match[str]) -> str:
    digits, character = escape[1] or escape[2] or escape[3], escape[4]
    if digits is not None:
        return _character(digits, 16, escape[0])
    if character in ("\r\n", "\n", "\r", "\u2028", "\u2029"):  # the string goes on in the next line
        return ""
    return {**CONTROLS, "0": "\0"}.get(character, character)


def _python_character(escape: re.Match[str]) -> str:
    digits, octal, name, line_end, character = escape[1] or escape[2] or escape[3], *escape.group(4, 5, 6, 7)
    if digits is not None or octal is not None:
        return _character(digits or octal, 16 if digits else 8, escape[0])
    if name is not None:
        try:
            return unicodedata.lookup(name)
        except KeyError:
            return escape[0]
    return "" if line_end is not None else {**CONTROLS, "a": "\a"}.get(character, character)


def _character(digits: str, base: int, escape: str) -> str:
    number = int(digits, base)
    return chr(number) if number <= 0x10FFFF else escape


def _paired(text: str) -> str:
    """Two surrogates as the character that they are; a single one, which no file can hold, is replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
