"""The words by which tables and columns are known, as `rules.yaml` has them."""

from pathlib import Path
from typing import Any

import yaml

_RULES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("rules.yaml").read_text(encoding="utf-8"))


def _set(name: str) -> frozenset[str]:
    return frozenset(_RULES[name].split())


def _patterns(name: str) -> tuple[str, ...]:
    return tuple(_RULES[name])


def _weights(name: str) -> dict[str, float]:
    return dict(_RULES[name])


NO_CANDIDATES = _set("no_candidates")
SYSTEM_SCHEMAS = _set("system_schemas")
SYSTEM_TABLES = _set("system_tables")
ID_WORDS = _set("id_words")
PEOPLE = _weights("people")
NEUTRAL = _set("neutral")
NOT_PEOPLE = _set("not_people")
EVENTS = _set("events")
NOT_EVENTS = _set("not_events")
EVENT_NAME = _patterns("event_name")
EVENT_TIME = _patterns("event_time")
EVENT_PROPERTIES = _patterns("event_properties")
EVENT_SESSION = _patterns("event_session")
EVENT_PERSON = _patterns("event_person")
EMAIL = _patterns("email")
NOT_EMAIL = _set("not_email")
CHANNEL = _patterns("channel")
SIGNED_UP = _patterns("signed_up")
TIME_UNITS = _set("time_units")
INSTEAD_OF_SIGNED_UP = _patterns("instead_of_signed_up")
NOBODY = _patterns("nobody")
LAST_ACTIVE = _patterns("last_active")
NAME = _patterns("name")
FIRST_NAME = _patterns("first_name")
LAST_NAME = _patterns("last_name")
CREDITS = _patterns("credits")
REVENUE = _patterns("revenue")
SUBSCRIPTION_STATUS = _patterns("subscription_status")
ORGANIZATION_PRICE = _patterns("organization_price")
PRICE = _patterns("price")
INTERVAL = _patterns("interval")
YEAR = _set("year")
CENT = _set("cent")
SIGNS_IN = _set("signs_in")
ORGANIZATIONS = _weights("organizations")
NOT_ORGANIZATIONS = _set("not_organizations")
NOT_MEMBERSHIP = _set("not_membership")
MEMBERSHIP = _set("membership")
OWNER = _patterns("owner")
ROLE = _patterns("role")
SUBSCRIPTIONS = _set("subscriptions")
PLAN = _patterns("plan")
PAYING = _set("paying")
FREE = _set("free")
DELETED = _set("deleted")
PRIMARY_EMAIL = _patterns("primary_email")
VERIFIED_EMAIL = _patterns("verified_email")
ACTORS = _weights("actors")
OTHER_HANDS = _set("other_hands")
STATUS = _patterns("status")
STATUS_HEADS = _set("status_heads")
SUCCESS_FLAGS = {pattern: state for state, patterns in _RULES["success_flags"].items() for pattern in patterns}
STARTED = _patterns("started")
CONVERTED_AT, CHURNED, CHURNED_AT = map(_patterns, ("converted_at", "churned", "churned_at"))
ENDED = _set("ended")
EXIT_STATUS = _patterns("exit_status")
HTTP_STATUS = _patterns("http_status")
CODE = _patterns("code")
ENDED_AT = _patterns("ended_at")
FAILED_AT = _patterns("failed_at")
CANCELLED_AT = _patterns("cancelled_at")
ERROR = _patterns("error")
RUNS = _weights("runs")
TAILS = _set("tails")
NOT_RUNS = _set("not_runs")
CALLS = tuple(frozenset(group.split()) for group in _RULES["calls"])
CODE_RUNS = tuple(frozenset(group.split()) for group in _RULES["code_runs"])
AGENT_RUNS = tuple(frozenset(group.split()) for group in _RULES["agent_runs"])
DEPLOYMENTS = tuple(frozenset(group.split()) for group in _RULES["deployments"])
STATES = {state: frozenset(words.split()) for state, words in _RULES["states"].items()}
FURTHER = {column: tuple(patterns) for column, patterns in _RULES["further"].items()}
AGAIN = _set("again")
COMMON_STATES = {state: tuple(words) for state, words in _RULES["common_states"].items()}
VOCABULARY = _set("vocabulary") | {*RUNS, *PEOPLE, *ORGANIZATIONS, *MEMBERSHIP}
QUALIFIERS = _set("qualifiers")
EVENT_ROLES = {role: tuple(patterns) for role, patterns in _RULES["event_roles"].items()}
PASSIVE_EVENTS = _set("passive_events")
BEGAN = _set("began")
MADE = _set("made")
