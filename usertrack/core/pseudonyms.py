"""Pseudonyms for e-mails: a keyed hash (HMAC-SHA-256), the same everywhere for the same key.

With the key one can check whether a pseudonym is that of an e-mail. Nobody can compute the e-mail from it.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from usertrack.core.document import Document
from usertrack.core.emails import email_in
from usertrack.core.provenance import provenance
from usertrack.core.table import MappedRows, Table

# also e-mails that are not valid: they come from users of the product
_EMAIL = re.compile(r"""[^\s@<>()\[\],;:"|“”‘’«»]+(?:@|%40)[^\s@<>()\[\],;:"|“”‘’«»?!/\\]+""")
_AROUND = "'`*.…"
TOKEN = re.compile(r"u-[0-9a-f]{16}(?![0-9a-zA-Z.+_-])")
"""The pattern of a pseudonym."""

T = TypeVar("T")


class Pseudonyms:
    """Replaces e-mails by pseudonyms, and the texts in ``also`` by their values; ``internal`` domains stay visible."""

    def __init__(self, key: bytes, internal: Sequence[str] = (), also: Mapping[str, str] | None = None) -> None:
        self.key = key
        self._internal = tuple(domain.strip().lower().lstrip("@.") for domain in internal)
        self._also = {text: token for text, token in (also or {}).items() if len(text.strip()) > 1}

    def of(self, email: str) -> str:
        """``u-`` and 16 hexadecimal digits. Your own people keep their domain, so that filters still leave them out."""
        plain = email_in(email) or email.strip().lower()
        token = self.of_id(plain)
        domain = plain.rpartition("@")[2]
        own = next((d for d in self._internal if d and (domain == d or domain.endswith(f".{d}"))), "")
        return f"{token}@{own}" if own and "@" not in own else token

    def of_id(self, text: str) -> str:
        """The pseudonym of a name or an id, without normalisation."""
        return "u-" + self.digest(text).hex()[:16]

    def digest(self, text: str) -> bytes:
        return hmac.new(self.key, text.encode(errors="surrogatepass"), hashlib.sha256).digest()

    def text(self, text: str) -> str:
        """``text`` with every e-mail in it replaced."""
        for original, token in self._also.items():
            text = text.replace(original, token)
        return _EMAIL.sub(self._replace_match, text) if "@" in text or "%40" in text else text

    def _replace_match(self, match: "re.Match[str]") -> str:
        matched = match[0]
        email = matched.strip(_AROUND)
        if TOKEN.match(email) or not ("@" in email or "%40" in email):  # a pseudonym already
            return matched
        start = matched.index(email)
        return matched[:start] + self.of(email) + matched[start + len(email) :]

    def document(self, document: Document, limit: int | None = None) -> Document:
        """``document`` without any e-mail; digests of words in its provenance are those of the new words."""
        pseudonymised = self.value(replace(document, provenance=None))
        if document.provenance is None:
            return pseudonymised
        report = self.value(document.provenance["report"])
        figures = provenance(pseudonymised.blocks, report, limit)
        return replace(pseudonymised, provenance={**figures, "pseudonyms": True})

    def value(self, value: T) -> T:
        """``value``, any part of a document, with the e-mails in all of its texts replaced."""
        return self._value(value)  # type: ignore[no-any-return]

    def named(self, name: str, value: object) -> Any:  # noqa: ANN401
        """The value of the column ``name``: a ``person_id`` is replaced, too, as it may be derived from an e-mail."""
        is_id = name == "person_id" and value is not None and not is_dataclass(value)  # a dataclass is its `Field`
        return self.of_id(str(value)) if is_id else self._value(value)

    def _value(self, value: object) -> Any:  # noqa: ANN401
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Table):
            changed = {name: self._value(getattr(value, name)) for name in ("title", "parameters", "notes")}
            rows = MappedRows(value.rows, lambda row: tuple(map(self.named, value.names, row)))
            return replace(value, rows=rows, **changed)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{field.name: self._value(getattr(value, field.name)) for field in fields(value)})
        if isinstance(value, Mapping):
            return {self._value(name): self.named(name, item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._value(item) for item in value)
        if callable(value):  # what is computed later, as the data of a document
            return lambda: self._value(value())
        return value
