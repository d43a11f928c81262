"""Personal data, secrets and ids: in names, in what the plan declares, and in values that somebody hands in."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from ipaddress import ip_address

from usertrack.plan.finding import Place, PlanFinding, Rule
from usertrack.plan.lint.vocabulary import classes, word_set
from usertrack.plan.lint.words import words_of
from usertrack.plan.model import PERSONAL, Personal, Plan, PlannedProperty

PERSONAL_DATA = Rule(
    "personal-data",
    "Personal data is declared",
    "What names a person or a customer has to be known when they ask for it to be erased, or not to be sent.",
)
SECRET = Rule("secret", "No property holds a secret", "Whoever may read events could use it.", "error")
ID_IN_NAME = Rule(
    "id-in-name",
    "Names of events hold no ids",
    "Each id makes an event of its own: none of them has a history, and the list of events is of no use.",
    "error",
)
RULES = (PERSONAL_DATA, SECRET, ID_IN_NAME)


_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-|(?<![0-9a-z])(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}(?![0-9a-z])"
    r"|\d{5,}|\$?\{[^}]*\}|%[sd(]|[^\s@]+@[^\s@]+\.[a-z]{2,}",
    re.IGNORECASE,
)
_INSTEAD = "one name for all, with the id as a property"
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]{2,}")
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_PHONE = re.compile(r"\+\d[\d ()./-]{6,18}\d|\(?0?\d{2,4}\)?[ ./-]\d{2,4}([ ./-]\d{2,4}){1,3}|0\d{2,4}[ /-]\d{5,8}")
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?|\d\d?[./]\d\d?[./]\d{2,4}")
_PERSON = re.compile(r"[A-ZÀ-Þ][a-zà-ÿ]+([ -][A-ZÀ-Þ][a-zà-ÿ]+){1,2}")
_REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "IN", "BR", "AU", "JP")


def lint_personal(plan: Plan, place: Place) -> Iterator[PlanFinding]:
    for event in plan.events.values():
        for name in event.names:
            if part := id_in(name):
                message = f"the name `{name}` holds `{part}`, which is different for each one"
                yield place.finding(ID_IN_NAME, f"events.{event.name}", message, event.line, _INSTEAD)
    for section, properties in (("properties", plan.properties), ("person_properties", plan.person_properties)):
        yield from _undeclared(section, properties.values(), place)
    for group, properties in plan.group_properties.items():
        yield from _undeclared(f"group_properties.{group}", properties.values(), place)
    for subject, name, line in _unregistered(plan):
        yield from _undeclared(subject, [PlannedProperty(name, line=line)], place)


def id_in(name: str) -> str:
    """The part of an event's name that is an id, an e-mail or a template's braces; empty where there is none."""
    match = _ID.search(name)
    return match[0] if match else ""


def _unregistered(plan: Plan) -> Iterator[tuple[str, str, int]]:
    """Properties that events carry and the registry does not know, each once."""
    names = {
        use.name: (f"events.{event.name}", use.line)
        for event in reversed(list(plan.events.values()))
        for use in event.properties
        if use.name not in plan.properties
    }
    return ((subject, name, line) for name, (subject, line) in names.items())


def _undeclared(section: str, properties: Iterable[PlannedProperty], place: Place) -> Iterator[PlanFinding]:
    for planned in properties:
        words = words_of(planned.name)
        subject = f"{section}.{planned.name}"
        if bool(words) and (words[-1] in word_set("secret") or words[-2:] in (["api", "key"], ["private", "key"])):
            message = f"`{planned.name}` is called like a secret"
            if planned.personal is None:
                yield place.finding(SECRET, subject, message, planned.line, "nothing: take it out; or `personal: none`")
        elif planned.personal is None and (kind := personal_name(planned)):
            message = f"`{planned.name}` is {_WHAT[kind]}, and the plan does not say so"
            instead = f"`personal: {kind}`, or leave it out; `personal: none` where it names nobody"
            yield place.finding(PERSONAL_DATA, subject, message, planned.line, instead)


_WHAT: dict[Personal, str] = {
    "email": "an e-mail address",
    "phone": "a telephone number",
    "name": "a person's name",
    "address": "part of an address",
    "ip": "an IP address",
    "location": "a place",
    "organization": "the name of a customer",
    "url": "an address that names a person or a customer",
    "identifier": "what identifies a person or a customer",
}


def personal_name(planned: PlannedProperty) -> Personal | None:
    """The class of personal data that a property's name speaks of; numbers and flags hold none."""
    words = words_of(planned.name)
    if not words or planned.type in ("boolean", "integer", "number", "datetime"):
        return None
    before, last = (words[-2] if len(words) > 1 else ""), words[-1]
    if last == "name" and before in word_set("person"):
        return "name"
    if last == "name" and before in word_set("organization"):
        return "organization"
    if last in ("url", "website", "homepage", "link") and before in word_set("address_of"):
        return "url"
    if last in ("address", "number") and before in classes("personal"):
        last = before
    known = classes("personal").get("".join(words[-2:])) or classes("personal").get(last)
    return next((kind for kind in PERSONAL if kind == known), "address" if last == "address" else None)


def personal_values(name: str, values: Iterable[object]) -> dict[Personal, int]:
    """Count a property's sampled ``values`` that hold each class of personal data.

    A text that only looks like a person's name counts where the property's own name says so, or at least five
    different ones do and they are most of the values. Without the library phonenumbers, telephone numbers begin with +.
    """
    texts = [str(value).strip() for value in values if isinstance(value, str) and value.strip()]
    counts: dict[Personal, int] = {}
    for text in texts:
        if kind := _kind_of(text):
            counts[kind] = counts.get(kind, 0) + 1
    people = {text for text in texts if _PERSON.fullmatch(text)}
    if people and (
        personal_name(PlannedProperty(name)) == "name" or (len(people) >= 5 and 2 * len(people) > len(set(texts)))
    ):
        counts["name"] = sum(text in people for text in texts)
    return counts


def _kind_of(text: str) -> Personal | None:
    if _EMAIL.search(text):
        return "email"
    if _is_ip(text):
        return "ip"
    if _URL.fullmatch(text):
        return "url"
    if _UUID.fullmatch(text) or _is_iban(text) or _is_card(text):
        return "identifier"
    return "phone" if _is_phone(text) else None


def _is_ip(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _is_iban(text: str) -> bool:
    packed = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(packed):
        return False
    digits = "".join(str(int(sign, 36)) for sign in packed[4:] + packed[:4])
    return int(digits) % 97 == 1


def _is_card(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    if not re.fullmatch(r"\d{13,19}", digits) or digits[0] not in "3456":
        return False
    doubled = [sum(divmod(2 * int(sign), 10)) if odd % 2 else int(sign) for odd, sign in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


@cache
def _is_phone(text: str) -> bool:
    """With a country's code, or as one of ten countries writes it: a bare number is an id."""
    if not _PHONE.fullmatch(text) or _DATE.fullmatch(text):
        return False
    try:
        import phonenumbers
    except ImportError:  # it is of the extra `plan`
        return text.startswith("+")
    for region in (None,) if text.startswith("+") else _REGIONS:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(text, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
