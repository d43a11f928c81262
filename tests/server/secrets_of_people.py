"""A corpus of what people did not mean to send: 200 secrets, made from a seed, each put into 12 places of events."""

import base64
import json
import random
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

_HEX, _LETTERS, _WORD = "0123456789abcdef", string.ascii_letters, string.ascii_letters + string.digits
_NAMES = """
    Jennifer Garcia|Anna Kowalczyk|Wei Zhang|Ngozi Okafor|Priya Raghunathan|Jürgen Müller|Björn Åkesson|Grace Miller
    Jack Walker|Rose Baker|Fatima Al-Sayed|Siobhan O'Connor|Thabo Nkosi|Yuki Tanaka|Olga Ivanova|José Hernández
    Emily Johnson|Michael Rodriguez|Linh Nguyen|Hassan Yilmaz|Chloé Dubois|Giulia Rossi|Lars Andersen|Ewa Nowak
    Patricia Williams|Robert Davis|Mary Thompson|Олег Петров|Ahmed Hussein|Deborah Cohen
"""
NAMES = [name.strip() for line in _NAMES.strip().splitlines() for name in line.split("|")]


@dataclass(frozen=True)
class Secret:
    """A secret of a ``kind`` as it stands in a text, and the ``traces`` of which none may be stored."""

    kind: str
    text: str
    traces: tuple[str, ...]

    def is_in(self, stored: str) -> bool:
        return any(re.search(rf"(?<!\w){re.escape(trace)}(?!\w)", stored, re.IGNORECASE) for trace in self.traces)


def secrets(seed: int = 24) -> list[Secret]:
    rng = random.Random(seed)

    def some(letters: str, length: int) -> str:
        return "".join(rng.choices(letters, k=length))

    def jwt() -> str:
        parts = [json.dumps({"alg": "HS256"}), json.dumps({"sub": some(_HEX, 8)})]
        signed = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
        return ".".join([*signed, some(_WORD + "-_", 43)])

    def key() -> str:  # put together here, so that no scanner takes this file for a leak
        prefix, length = rng.choice(
            [("sk_" + "live_", 24), ("gh" + "p_", 36), ("AK" + "IA", 16), ("xox" + "b-", 24), ("glpat" + "-", 20)]
        )
        return prefix + some(_WORD.upper() if prefix.isupper() else _WORD, length)

    made: dict[str, tuple[int, Callable[[], str]]] = {
        "jwt": (20, jwt),
        "key": (30, key),
        "reset token": (20, lambda: some(_WORD + "-_", 43)),
        "share token": (20, lambda: some(_WORD, rng.choice([22, 27]))),
        "session id": (20, lambda: some(rng.choice([_HEX, string.ascii_uppercase]), 32)),
        "letters": (20, lambda: some(rng.choice([_LETTERS, string.ascii_lowercase]), rng.randint(8, 15))),
        "long letters": (10, lambda: some(rng.choice([_LETTERS, string.ascii_lowercase]), rng.randint(20, 28))),
    }
    corpus = [
        Secret(kind, text, (text,)) for kind, (count, make) in made.items() for text in (make() for _ in range(count))
    ]
    for name, encoded in zip([*NAMES, *NAMES], [0] * 8 + [1] * 11 + [2] * 11, strict=False):
        email = f"{name.lower().replace(' ', '.').replace(chr(39), '')}@acme{rng.randint(1, 99)}.example"
        text = email if not encoded else quote(email) if encoded == 1 else quote(quote(email))
        corpus.append(
            Secret(f"e-mail encoded {encoded}×", text, (email, quote(email), quote(quote(email)), *name.split()))
        )
    corpus += [Secret("name", name, tuple(re.split(r"[ '-]", name))) for name in NAMES]
    return [Secret(one.kind, one.text, tuple(trace for trace in one.traces if len(trace) > 2)) for one in corpus]


GIVEN = ("custom property", "person property")
"""Places that the product's code named: there, names and short ids stay."""


def stays(secret: Secret, place: str) -> bool:
    return place in GIVEN and secret.kind in ("name", "letters")


def events_of(secret: Secret, lib: str = "usertrack.js") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield an event for each place, with its name."""
    site, text = "https://app.example", secret.text
    in_path = text.lower().replace(" ", "-") if secret.kind == "name" else text
    message = f"GET {site}/{in_path}?token={text} of {text} failed"
    stack = f"Error: {text}\n  at load ({site}/r/{in_path}/app.js?key={text}:10:15)"
    places: dict[str, tuple[str, dict[str, Any]]] = {
        "path": (
            "$pageview",
            {"$pathname": f"/invite/{in_path}/accept", "$current_url": f"{site}/u/{in_path};v={text}"},
        ),
        "query": ("$pageview", {"$current_url": f"{site}/reset?token={text}&next=/u/{in_path}"}),
        "fragment": ("$pageview", {"$current_url": f"{site}/reset#{text}", "$pathname": f"/reset#/{in_path}"}),
        "message": ("$exception", {"$exception_list": [{"type": "Error", "value": message}], "message": message}),
        "stack": ("$exception", {"$exception_stack_trace_raw": stack}),
        "referrer": (
            "$pageview",
            {"$referrer": f"{site}/share/{in_path}?by={text}#{text}", "from": f"{site}/?u={text}"},
        ),
        "title": ("$pageview", {"title": f"{text} – Invoices", "$title": f"Inbox of {text} (3)"}),
        "link": ("$autocapture", {"$el_text": f"Open {text}", "$el_href": f"/docs/{in_path}?token={text}"}),
        "button": ("$autocapture", {"$el_text": f"Delete {text}'s key", "selector": f'b[name="{text}"]>i#{in_path}'}),
        "form name": ("form_submit", {"form_id": f"delete-{in_path}", "fields": [text, f"key_{in_path}"]}),
        "custom property": (
            "shared",
            {"link": f"{site}/s/{in_path}?token={text}", "note": f"for {text}, once", "own": {"list": [text]}},
        ),
        "person property": (
            "$identify",
            {"$set": {"note": text, "home": f"{site}/{in_path}"}, "$set_once": {"token": text}},
        ),
    }
    for place, (event, properties) in places.items():
        yield place, {"event": event, "distinct_id": "somebody", "properties": {"$lib": lib, **properties}}
