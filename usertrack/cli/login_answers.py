"""Reads the answers of `login`: piped, or typed at the terminal, where an answer that fails is asked again."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from usertrack.checks.credentials import Access, try_postgres, try_posthog
from usertrack.cli import diagnostics
from usertrack.cli.own_domains import ask_domains
from usertrack.core.errors import UsageError, UsertrackError
from usertrack.mapping.own_domains import company_domain
from usertrack.sources.http import KeyRefused
from usertrack.sources.identity import without_password
from usertrack.workspace.env_file import parse_variables
from usertrack.workspace.profiles import Profile
from usertrack.workspace.settings import is_address

NONE = "-"  # typed where there is no PostHog, or no Postgres
_NAMES = {
    "POSTHOG_HOST": "host",
    "POSTHOG_PROJECT_ID": "project",
    "POSTHOG_PERSONAL_API_KEY": "key",
    "DATABASE_URL": "database",
}
"""What is asked, in this order, by the names that the environment has for it."""


@dataclass(frozen=True)
class Answers:
    """Without a ``project`` there is no PostHog, without a ``database`` (a connection URI) no Postgres.

    ``internal`` are the domains of your own people, separated by commas.
    """

    host: str
    project: str = ""
    key: str = field(default="", repr=False)
    database: str = field(default="", repr=False)
    internal: str = ""

    @property
    def secrets(self) -> dict[str, str]:
        """By the names of their settings."""
        secrets = {"posthog.personal_api_key": self.key, "postgres.url": self.database}
        return {name: secret for name, secret in secrets.items() if secret}

    @property
    def address(self) -> str:
        return without_password(self.database) if self.database else ""


def stored_answers(profile: Profile | None, default_host: str) -> Answers:
    """Return the answers of the profile, which stay where nothing else is said."""
    if profile is None:
        return Answers(default_host)
    key, database = (profile.secrets.get(name, "") for name in ("posthog.personal_api_key", "postgres.url"))
    return Answers(profile.host or default_host, profile.project_id or "", key, database, profile.internal)


def has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def typed_answers(stored: Answers, host: str | None, project: str | None) -> Answers:
    """Answers that work. ``host`` and ``project`` are options, which are asked for only if they do not work."""
    answers = _ask_posthog(replace(stored, host=host or stored.host), stored, host=host, project=project)
    owner: list[str] = []

    def try_posthog_noting(answers: Answers) -> None:
        owner[:] = [_try_posthog(answers)]

    while problem := _problem(try_posthog_noting, answers):
        key = _ask_other_key() if isinstance(problem, KeyRefused) else ""
        answers = replace(answers, key=key) if key else _ask_posthog(answers, stored)
    answers = _ask_database(answers)
    while _problem(_try_postgres, answers):
        answers = _ask_database(answers)
    _something(answers)
    return replace(answers, internal=", ".join(ask_domains(stored.internal or company_domain(owner[0]))))


def piped_answers(stored: Answers, host: str | None, project: str | None) -> Answers:
    """Answers on standard input: ``NAME=VALUE`` a line as in `.env`, else one a line in the order of the questions.

    Raises a UsertrackError where one does not work.
    """
    if sys.stdin.isatty():  # where what is typed would be seen, and the questions not
        raise UsageError("standard error is no terminal to ask at", "pipe the answers to standard input")
    options = {name: option for name, option in (("host", host), ("project", project)) if option}
    try:
        text = sys.stdin.read()
    except UnicodeDecodeError as error:
        raise UsageError("standard input is not UTF-8 text") from error
    piped = {name: value for name, value in _parsed(text, options).items() if value}
    texts = {name: "" if value == NONE else value for name, value in {**piped, **options}.items()}
    answers = replace(stored, **texts)
    if not texts.get("key"):
        answers = replace(answers, key=_key_for(answers, stored))
    if answers.project and not answers.key:
        raise UsageError("standard input has no key for PostHog", "pipe a line POSTHOG_PERSONAL_API_KEY=phx_…")
    _try_posthog(answers)
    _try_postgres(answers)
    return _something(answers)


def _parsed(text: str, options: dict[str, str]) -> dict[str, str]:
    lines = text.strip().splitlines()
    if any(line.removeprefix("export ").startswith(tuple(f"{name}=" for name in _NAMES)) for line in lines):
        variables = parse_variables(text, "standard input", _NAMES)
        return {_NAMES[name]: variable.value for name, variable in variables.items()}
    questions = [name for name in _NAMES.values() if name not in options]
    if len(lines) > len(questions):
        raise UsageError(f"standard input has {len(lines)} lines for {len(questions)} answers", "`NAME=VALUE` a line")
    return dict(zip(questions, map(str.strip, lines), strict=False))


def _ask_posthog(current: Answers, stored: Answers, *, host: str | None = None, project: str | None = None) -> Answers:
    host = host or _ask_address(current.host if is_address(current.host) else stored.host)
    question = f"number of the project, as in /project/12345; {NONE} for no PostHog"
    project = project or diagnostics.ask(question, current.project or NONE)
    if project == NONE:
        return replace(current, host=host, project="", key="")
    answers = replace(current, host=host, project=project)
    former_key = _key_for(answers, stored)
    keeps = ", Enter keeps the one before" if former_key else ", from Settings › Personal API keys"
    return replace(answers, key=diagnostics.ask(f"personal API key (not shown{keeps})", former_key, hidden=True))


def _ask_address(default: str) -> str:
    """An address; anything else, such as a key that was pasted, is forgotten at once."""
    while not is_address(host := diagnostics.ask("PostHog's address", default)):
        diagnostics.error(
            UsageError("that is no address", "US Cloud is https://us.posthog.com; a key is asked for later")
        )
    return host


def _ask_other_key() -> str:
    """Empty to begin with the address anew, which may be what is wrong: a key is valid at one alone."""
    return diagnostics.ask("personal API key (not shown, Enter asks for the address again)", "", hidden=True)


def _key_for(answers: Answers, stored: Answers) -> str:
    """The key so far, if there is one; a stored one goes to no other host than before."""
    return "" if answers.key == stored.key and answers.host != stored.host else answers.key


def _ask_database(answers: Answers) -> Answers:
    keeps = f"Enter keeps the one before, {NONE} for none" if answers.database else "Enter for none"
    question = f"database, as postgresql://user:password@host/name (not shown, {keeps})"
    url = diagnostics.ask(question, answers.database, hidden=True)
    return replace(answers, database="" if url == NONE else url)


def _problem(attempt: Callable[[Answers], None], answers: Answers) -> UsertrackError | None:
    """Say what is wrong with the answers, and return it; None where they work."""
    try:
        attempt(answers)
    except UsertrackError as error:
        diagnostics.error(error)
        return error
    return None


def _try_posthog(answers: Answers) -> str:
    """The e-mail of who has the key; '' where that is not known."""
    if not answers.project:
        return ""
    with diagnostics.Progress() as progress:
        progress("asking PostHog", passing=True)
        access = try_posthog(answers.host, answers.project, answers.key, progress)
    _say_access(access, answers.project)
    return access.email


def _say_access(access: Access, project: str) -> None:
    name = f" ({access.project})" if access.project else ""
    diagnostics.note(f"PostHog lets the key query project {project}{name}")
    for scope, use in access.missing.items():
        diagnostics.note(f"the key lacks the scope {scope}, for {use}")
    if access.missing:
        diagnostics.hint("add scopes in PostHog under Settings, Personal API keys, whenever you need them")


def _try_postgres(answers: Answers) -> None:
    if not answers.database:
        return
    with diagnostics.Progress() as progress:
        progress("asking Postgres", passing=True)
        findings = try_postgres(answers.database, progress)
    for finding in findings:
        diagnostics.note(f"{finding.subject}: {finding.detail}{f'; {finding.hint}' if finding.hint else ''}")


def _something(answers: Answers) -> Answers:
    if not answers.secrets:
        raise UsageError("there is neither PostHog nor a database to log in to", "answer for one of them")
    return answers
