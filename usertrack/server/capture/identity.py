"""Checks whose events a browser may send: a signature, made on the product's own server, says who its person is.

A browser's project token is public, so anybody can name any person. The signature is an HMAC-SHA256 with a secret of
this server: of the id and, after a dot, of id, e-mail and tier. What is not signed is a claim: it is stored under names
of its own, ``claimed_email`` and ``claimed_subscription_tier``, and a wrong signature refuses the event. As it proves
one person, an event with it may join nobody to them but an anonymous visitor.
"""

import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_urlsafe
from uuid import UUID

from usertrack.core.errors import UsageError
from usertrack.core.json_types import JsonObject
from usertrack.core.temporary import write_whole
from usertrack.server.capture.payload import Event, as_dict
from usertrack.server.capture.persons import MERGING, merged_id

log = logging.getLogger(__name__)

SIGNATURE, VERIFIED = "$identity_signature", "identity_verified"
TRAITS = ("email", "subscription_tier")
CLAIM = "claimed_"
FILE = "identity.json"


def sign(secret: str, person: str, email: str = "", tier: str = "") -> str:
    """The signature that a product's server puts into its pages; the guide has it for Python and for Node."""
    return ".".join(_digest(secret, text) for text in (person, "\n".join((person, email, tier))))


def _digest(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(errors="replace"), hashlib.sha256).hexdigest()


def new_secret(path: Path, now: datetime, overlap: timedelta) -> str:
    """A new secret, saved in ``path`` for its owner alone; those before it are valid until ``now`` plus ``overlap``.

    Raises ``UsageError`` for a file that cannot be read or written.
    """
    ends = (now + overlap).isoformat()
    earlier = [{**entry, "until": min(entry.get("until") or ends, ends)} for entry in _entries(path)]
    entry = {"secret": f"uts_{token_urlsafe(32)}", "since": now.isoformat()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps([entry, *(old for old in earlier if _is_valid(old, now))], indent=2) + "\n")
    except OSError as error:
        raise UsageError(f"cannot write {path} ({error.strerror})", "choose another folder with --data") from error
    return entry["secret"]


def has_secret(path: Path) -> bool:
    return bool(_entries(path))


def _entries(path: Path) -> list[dict[str, str]]:
    try:
        entries = json.loads(path.read_text())
        for entry in entries:
            entry["secret"].encode()
            if entry.get("until"):
                datetime.fromisoformat(entry["until"])
        return list(entries)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise UsageError(f"{path} cannot be read as a file of secrets", "repair it, or delete it") from None


def _is_valid(entry: dict[str, str], now: datetime) -> bool:
    return not entry.get("until") or datetime.fromisoformat(entry["until"]) > now


class Identities:
    """Judges who events say they are from, with the secrets in ``path``, which is read again when it changes.

    With ``signed_only``, a browser may send nothing unsigned but events of anonymous visitors.
    """

    def __init__(self, path: Path, *, signed_only: bool = False) -> None:
        self._path = path
        self._signed_only = signed_only
        self._reading = threading.Lock()
        self._stamp: tuple[int, ...] | None = None
        self._secrets = _entries(path)

    def divide(self, events: Iterable[Event], now: datetime, *, browser: bool = False) -> tuple[list[Event], list[str]]:
        """Return the ``events`` to store, and the uuids of those whose person is not proven."""
        secrets = self._current(now)
        admitted, refused = [], []
        for event in events:
            if self._admits(event, secrets, browser=browser):
                admitted.append(event)
            else:
                refused.append(event.uuid)
        return admitted, refused

    def _admits(self, event: Event, secrets: Sequence[str], *, browser: bool) -> bool:
        properties = event.properties
        properties.pop(VERIFIED, None)
        signature = properties.pop(SIGNATURE, None)
        if signature and secrets:
            traits = as_dict(properties.get("$set"))
            claims = {name: traits.get(CLAIM + name) for name in TRAITS}
            proven = _proven(event.distinct_id, signature, claims, secrets)
            if proven is None or not _joins_visitors_only(event):
                return False
            properties[VERIFIED] = True
            _make_claims(properties)
            if proven:
                properties["$set"] = _without_claims(as_dict(properties.get("$set"))) | proven
        elif browser and self._signed_only:
            for name in ("$set", "$set_once", "$unset"):
                properties.pop(name, None)
            if not _is_visitor(event.distinct_id) or event.event in MERGING:
                return False
        elif browser and secrets:
            _make_claims(properties)
        if browser and self._signed_only:
            properties.pop("$group_set", None)  # no signature is about a group
        return True

    def _current(self, now: datetime) -> Sequence[str]:
        self._refresh()
        return [entry["secret"] for entry in self._secrets if _is_valid(entry, now)]

    def _refresh(self) -> None:
        with self._reading:
            try:
                status = self._path.stat()
                stamp: tuple[int, ...] = (status.st_mtime_ns, status.st_size, status.st_ino)
            except OSError:
                stamp = ()
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._secrets = _entries(self._path)
                except UsageError:
                    log.warning("the file of secrets was changed and cannot be read: the former ones hold")


def _proven(person: str, signature: object, claims: JsonObject, secrets: Iterable[str]) -> dict[str, str] | None:
    """Return the ``claims`` that ``signature`` proves, or None where it does not even prove the ``person``."""
    if not isinstance(signature, str) or "\n" in person:
        return None
    by_id, _, by_all = signature.partition(".")
    texts = ["" if claims.get(name) is None else str(claims[name]) for name in TRAITS]
    for secret in secrets:
        own_id, _, own_all = sign(secret, person, *texts).partition(".")
        if _is_same(own_id, by_id):
            traits = {name: text for name, text in zip(TRAITS, texts, strict=True) if text}
            return traits if _is_same(own_all, by_all) else {}
    return None


def _is_same(own: str, sent: str) -> bool:
    return hmac.compare_digest(own.encode(), sent.encode(errors="replace"))


def _make_claims(properties: JsonObject) -> None:
    """Put what only a signature may set under the names of claims, and let it be unset by nobody."""
    for key in ("$set", "$set_once"):
        if traits := as_dict(properties.get(key)):
            renamed = {CLAIM + name: traits[name] for name in TRAITS if name in traits}
            properties[key] = renamed | {name: value for name, value in traits.items() if name not in TRAITS}
    if isinstance(unset := properties.get("$unset"), list | dict):
        properties["$unset"] = [name for name in unset if name not in TRAITS]


def _without_claims(traits: JsonObject) -> JsonObject:
    return {name: value for name, value in traits.items() if name.removeprefix(CLAIM) not in TRAITS}


def _joins_visitors_only(event: Event) -> bool:
    """Whether ``event`` merges no person that somebody knows: their id is not the one that its signature proves."""
    if event.event == "$merge_dangerously":
        return False
    other = merged_id(event)
    return other is None or other == event.distinct_id or _is_visitor(other)


def _is_visitor(distinct_id: str) -> bool:
    """Whether a browser made up this id itself, as PostHog's and our script do."""
    try:
        return UUID(distinct_id).version == 7
    except ValueError:
        return False
