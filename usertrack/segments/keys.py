"""Keys: the fact that both sources have of a profile, and how it is compared and called.

Profiles are of people, by their e-mail or another name for them, or of organizations. In any key but the e-mail letters
count as they are written.
"""

from typing import TYPE_CHECKING

from usertrack.core.emails import email_in_duckdb
from usertrack.core.words import people_words, plural
from usertrack.library.entities import EMAIL

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ACCOUNT_ID, PERSON_ID, ORGANIZATION = "account_id", "person_id", "organization"


def normalised(text: str, key: str = EMAIL) -> str:
    """SQL for the normalised key: an e-mail, or a text without blanks or invisible characters around it."""
    if key == EMAIL:
        return email_in_duckdb(text)
    around = r"[\s\p{Z}\p{Cc}\p{Cf}]+"
    return f"nullif(regexp_replace({text}, '^{around}|{around}$', '', 'g'), '')"


def key_words(key: str) -> str:
    """``e-mail``, ``account id``, ``organization``."""
    return "e-mail" if key == EMAIL else key.replace("_", " ")


def a_key(key: str) -> str:
    """Return the words for a key with their article: ``an e-mail``, ``an account id``."""
    words = key_words(key)
    return f"{'an' if words[0] in 'aeio' else 'a'} {words}"


def subject_words(key: str) -> str:
    """``Person`` or ``Organization``: whom a profile is of."""
    return ORGANIZATION.capitalize() if key == ORGANIZATION else "Person"


def subjects_heading(key: str) -> str:
    """``People`` or ``Organizations``."""
    return f"{ORGANIZATION.capitalize()}s" if key == ORGANIZATION else "People"


def subjects_words(count: int, key: str) -> str:
    """``1 person``, ``1 234 organizations``."""
    return plural(count, ORGANIZATION) if key == ORGANIZATION else people_words(count)


def similar_keys(connection: "DuckDBPyConnection", people: str, key: str, text: str) -> str:
    """``did you mean A or B?`` of the keys in ``people``, a FROM-expression, that are most like ``text``; or empty."""
    likeness = f"jaro_winkler_similarity({key}, lower(trim($1)))"
    similar = connection.execute(
        # from 0.82 on, a typo or two in an e-mail are found, and other people of a domain are not
        f"SELECT {key} FROM {people} WHERE {likeness} > 0.82 ORDER BY {likeness} DESC, {key} LIMIT 3",
        [text],
    ).fetchall()
    return f"did you mean {' or '.join(row[0] for row in similar)}?" if similar else ""
