"""Case, separators and tense of names, by the rules of the plan itself."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from usertrack.plan.finding import Place, PlanFinding, Rule
from usertrack.plan.lint.words import (
    in_case,
    in_the_past,
    is_case,
    is_ongoing,
    is_past,
    is_past_alone,
    like,
    stem,
    words_of,
)
from usertrack.plan.model import NamingRule, Plan, PlannedEvent, PlannedProperty

EVENT_CASE = Rule(
    "event-case",
    "Names of events have the plan's case",
    "One name in another case is what people search for and do not see.",
)
PROPERTY_CASE = Rule(
    "property-case",
    "Names of properties have the plan's case",
    "team_slug and teamSlug are two columns, and each query knows one of them.",
)
TENSE = Rule(
    "event-tense",
    "Names of events have the plan's tense",
    "The tense tells a completed act from a state, so that nobody counts one as the other.",
)
RULES = (EVENT_CASE, PROPERTY_CASE, TENSE)


def lint_naming(plan: Plan, place: Place) -> Iterator[PlanFinding]:
    for event in plan.events.values():
        rule = rule_of(plan.naming, event.source)
        if rule and not _is_posthogs(event.name):
            yield from _case(EVENT_CASE, f"events.{event.name}", event.name, rule, place, event.line)
            yield from _tense(event, rule, place)
    for subject, planned in _all_properties(plan):
        rule = rule_of(plan.property_naming, ())
        if rule and not _is_posthogs(planned.name):
            yield from _case(PROPERTY_CASE, subject, planned.name, rule, place, planned.line)


def rule_of(rules: Iterable[NamingRule], source: Sequence[str]) -> NamingRule | None:
    """The first rule for names that are sent in ``source``: one for all files where nobody says where."""
    for rule in rules:
        if rule.files in ("*", "**") or any(_matches(path, rule.files) for path in source):
            return rule
    return None


def _matches(path: str, glob: str) -> bool:
    return fnmatchcase(path, glob) or fnmatchcase(path, glob.replace("**/", ""))


def _is_posthogs(name: str) -> bool:
    return name.startswith("$")


def _all_properties(plan: Plan) -> Iterator[tuple[str, PlannedProperty]]:
    for name, planned in plan.properties.items():
        yield f"properties.{name}", planned
    for name, planned in plan.person_properties.items():
        yield f"person_properties.{name}", planned
    for group, properties in plan.group_properties.items():
        for name, planned in properties.items():
            yield f"group_properties.{group}.{name}", planned


def _case(rule: Rule, subject: str, name: str, naming: NamingRule, place: Place, line: int) -> Iterator[PlanFinding]:
    if naming.case and not is_case(name, naming.case, naming.separator):
        parts = f" in parts joined by {naming.separator!r}" if naming.separator else ""
        instead = in_case(name, naming.case, naming.separator)
        yield place.finding(rule, subject, f"`{name}` is not {naming.case}{parts}", line, f"`{instead}`")


def _tense(event: PlannedEvent, rule: NamingRule, place: Place) -> Iterator[PlanFinding]:
    words = words_of(event.name)
    subject = f"events.{event.name}"
    states = {stem(word): word for word in rule.ongoing}
    state = next((word for word in reversed(words) if is_past([word]) and stem(word) in states), None)
    if state and not event.ongoing:
        ongoing = states[stem(state)]
        message = f"`{event.name}` is in the past, and the plan says that `{ongoing}` is a state that lasts"
        present = like(event.name, [ongoing if word == state else word for word in words])
        instead = f"`{present}`, or take `{ongoing}` out of `naming.events.ongoing` if the act is what counts"
        yield place.finding(TENSE, subject, message, event.line, instead)
    elif event.ongoing or any(word in rule.ongoing for word in words):
        if is_past(words) or not is_ongoing(words):
            message = f"`{event.name}` is a state that lasts, and its name is not in the present"
            instead = "a name in -ing, or take `ongoing` away if it is a completed act"
            yield place.finding(TENSE, subject, message, event.line, instead)
    elif rule.tense == "past" and not is_past(words):
        message = f"`{event.name}` is a completed act, and no word of it is in the past"
        instead = f"{_past_name(event.name, rule)}; a state that lasts has `ongoing: true`"
        yield place.finding(TENSE, subject, message, event.line, instead)
    elif rule.tense == "present" and is_past_alone(words):
        message = f"`{event.name}` is in the past, and the plan's tense is the present"
        yield place.finding(TENSE, subject, message, event.line, "a name that says what is done, such as `page_view`")


def _past_name(name: str, rule: NamingRule) -> str:
    """The name with the verb of its last part in the past, where it has one that is known."""
    *parts, last = name.split(rule.separator) if rule.separator else [name]
    if past := in_the_past(words_of(last)):
        written = in_case("_".join(past), rule.case) if rule.case else like(last, past)
        return f"`{(rule.separator or '').join([*parts, written])}`"
    return "a name that says what happened, such as `page_viewed`"
