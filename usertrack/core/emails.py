r"""Defines what an e-mail is, and which two are the same, once for Python, DuckDB, PostgreSQL and HogQL.

An e-mail is one address. Invisible characters around it, ``mailto:``, a display name before ``<…>`` and the dot that
ends a domain are no part of it; full-width ``＠`` and ``．`` count as ``@`` and ``.``; ASCII letters are lower-cased.
Any other letter counts as it is written: no two engines agree on its lower-case (İ, ẞ, the Kelvin sign). A text without
an address, or with two, is no e-mail: '' in Python, NULL in SQL.
"""

import re

# blanks, control characters and what has no width, as ranges: \s, \w and \p{…} mean something else in each engine
_INVISIBLE = r"\u0000-\u0020\u007f-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
_INVISIBLE += r"\ufff0-\uffff"  # PostHog stores U+FFFD for a NUL
_DOTS, _AT, _DELIMITERS = r".\uff0e\u3002\uff61", r"@\uff20", r'<>()\[\],;:"\\'
_AROUND = rf"(?:[{_INVISIBLE}]|\\[nrt])*"  # PostHog gives a property as its JSON text, with \n for a line break
_LABEL = rf"[^{_INVISIBLE}{_AT}{_DELIMITERS}{_DOTS}?/#]+"
_ADDRESS = rf"[^{_INVISIBLE}{_AT}{_DELIMITERS}]+[{_AT}]{_LABEL}(?:[{_DOTS}]{_LABEL})*"
_WRITTEN = (
    rf"^(?:[^<>]*<)?{_AROUND}(?:[mM][aA][iI][lL][tT][oO]:)?({_ADDRESS})"
    rf"[{_DOTS}]?(?:[?][^<>{_AT}]*|{_AROUND})(?:>+{_AROUND})?$"  # no two parts match one text: that would take for ever
)
_RE2 = re.sub(r"\\u(....)", r"\\x{\1}", _WRITTEN)
# nearly every e-mail is written like this already; the other pattern takes eight times as long (0.8 µs, in any engine)
_PLAIN = "^[a-z0-9_+-]+([.][a-z0-9_+-]+)*@[a-z0-9-]+([.][a-z0-9-]+)*$"
_UPPER, _LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ＠．。｡", "abcdefghijklmnopqrstuvwxyz@..."
_FOLDED, _PATTERN = str.maketrans(_UPPER, _LOWER), re.compile(_WRITTEN)


def email_in(text: str) -> str:
    """Return the normalised e-mail in ``text``; '' where there is none."""
    written = _PATTERN.fullmatch(text)
    return written[1].translate(_FOLDED) if written else ""


def email_in_duckdb(text: str) -> str:
    """Return SQL for the normalised e-mail in the SQL ``text``."""
    address = f"translate(regexp_extract({text}, '{_RE2}', 1), '{_UPPER}', '{_LOWER}')"
    return f"CASE WHEN regexp_matches({text}, '{_PLAIN}') THEN {text} ELSE nullif({address}, '') END"


def email_in_postgres(text: str) -> str:
    """Return SQL for the normalised e-mail in the SQL ``text``, whatever its type, collation and encoding."""
    plain = f'{text}::text COLLATE "C"'  # the columns of some products have one in which no pattern matches
    address = f"(regexp_match({plain}, '{_WRITTEN}'))[1]"
    for wide, narrow in ((r"\uff20", "@"), (rf"[{_DOTS}]", ".")):  # a LATIN1 database takes the character in no literal
        address = f"regexp_replace({address}, '{wide}', '{narrow}', 'g')"
    return f"(CASE WHEN {plain} ~ '{_PLAIN}' THEN {plain} ELSE lower({address}) END COLLATE \"default\")"


def emails_in_postgres(text: str) -> str:
    """Return SQL for all normalised e-mails in the SQL ``text``, with blanks between; NULL where it has none."""
    parts = f"regexp_split_to_table({text}::text COLLATE \"C\", '[{_INVISIBLE},;]+') AS part"
    return f"(SELECT string_agg(email, ' ') FROM (SELECT {email_in_postgres('part')} AS email FROM {parts}) AS parts)"


def email_in_hogql(text: str) -> str:
    """Return HogQL for the normalised e-mail in the HogQL ``text``."""
    pattern = _RE2.replace("\\", "\\\\")
    address = f"lower(translateUTF8(extract({text}, '{pattern}'), '{_UPPER[26:]}', '{_LOWER[26:]}'))"
    return f"if(match({text}, '{_PLAIN}'), {text}, nullIf({address}, ''))"
