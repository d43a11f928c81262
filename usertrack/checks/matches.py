"""Whether PostHog and Postgres call organizations, or people of another key than the e-mail, by the same names."""

from pathlib import Path

from usertrack.checks.finding import Finding
from usertrack.core.errors import UsertrackError
from usertrack.core.source_names import POSTGRES
from usertrack.core.words import plural
from usertrack.engine.runner import Runner
from usertrack.library.entities import ACCOUNTS, EMAIL
from usertrack.segments.keys import ORGANIZATION, key_words
from usertrack.segments.profiles import build_profiles
from usertrack.segments.rules import Rules, read_rules

NO_INTERNAL = (
    "nobody says who your own people are, and they count as customers",
    "`internal: [acme.com]` in usertrack.yaml leaves them out",
)
_QUERIES = (f"{POSTGRES}/accounts", "posthog/people")


def check_internal(runner: Runner) -> list[Finding]:
    """Find that nobody said who your own people are, or rules of `internal` that match nobody."""
    if not runner.settings.names_own_people:
        return [Finding("note", "internal", *NO_INTERNAL)]
    people = runner.own_people()
    useless = [] if people.problem else [rule for rule in people.rules if not people.knows(rule)]
    return [Finding("note", "internal", f"'{rule}' matches nobody", "is it spelled right?") for rule in useless]


def check_matches(runner: Runner, path: Path) -> list[Finding]:
    """By each key but the e-mail, how many of both sources meet. Who cannot be asked is told elsewhere."""
    try:
        has_organizations = ORGANIZATION in runner.library.entities[ACCOUNTS.name].mapped
        keys = {read_rules(path).key, *([ORGANIZATION] if has_organizations else [])} - {EMAIL}
    except UsertrackError:
        return []
    return [finding for key in sorted(keys) for finding in _meeting(runner, path, key)]


def _meeting(runner: Runner, path: Path, key: str) -> list[Finding]:
    library = runner.library.by(key)
    try:
        queries = {name: dict[str, object]() for name in library.present(_QUERIES)}
        if len(queries) < len(_QUERIES):
            return []
        by = key if key == ORGANIZATION else ""
        profiles = build_profiles(runner.reading(library), Rules(path, key, queries, (), {}, by=by))
    except UsertrackError:
        return []
    subject = f"{key_words(key)}s"
    matched = profiles.match.matched
    meeting = [Finding("ok", subject, f"{plural(matched, key_words(key))} in both sources")] if matched else []
    return [*(Finding("note", subject, note) for note in (profiles.apart, profiles.namesakes) if note), *meeting]
