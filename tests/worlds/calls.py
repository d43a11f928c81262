"""How the walk calls each command: discovered from the command line, filled in from tables keyed by parameter."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from usertrack.cli.app import whole_command_line
from usertrack.push import TARGETS

if TYPE_CHECKING:
    from .world import World

NAMES: dict[str, Sequence[str]] = {"query": ["neon/accounts"]}  # where a world has no other

NOT_WALKED = {
    "open": "serves until it is stopped; its pages are walked one by one",
    "serve": "serves until it is stopped; every world with events asks such a server",
    "demo": "builds the demo, which is no world",
    "login": "asks at a terminal and tries what it is told: tests/cli/test_login.py",
    "logout": "takes back a login",
    "allow": "asks at a terminal: tests/workspace/test_secrets.py",
    "tracker secret": "makes a secret of the embedded server's folder",
    "plan live-check": "follows a server's folder: tests/server/test_live_check.py",
    "plan diff": "compares revisions of a Git repository",
    "plan codegen": "writes code from a plan alone: tests/plan/codegen",
    "import events": "fills an embedded PostHog, and asks nothing: tests/imports",
    "init": "made the workspace in which the walk is: `TestWalk.test_init`",
}

# What stands for an argument or a required option: words, the key of a world's `names`, or a list of alternatives.
ARGUMENTS: Mapping[str, Any] = {
    "email": "email",
    "steps": "steps",
    "segment": "segment",
    "text": ["e"],
    "push to": [["--to", "posthog-cohort", "--dry-run", "--yes"]]
    + [["--to", target, "--dry-run"] for target in TARGETS if target != "posthog-cohort"],
    "history forget day": ["2026-11-20", "--yes"],
    "alert": ["a1"],
    "report segment name": "segment",
    "report verify file": ["week.md"],
    "query show name": "query",
    "query new name": ["neon/own_first"],
    "insight show name": ["Walked"],
    "insight run name": ["Walked"],
    "insight delete name": ["Gone", "--yes"],
    "insight create name": ["Written", "--sql", "SELECT count() FROM events"],
    "plan init origin": ["--from", "data"],
    "privacy retention older_than": ["--older-than", "730d"],
    "revisions": ["HEAD"],
    "language": ["python"],
}

# Words that a command needs although nothing requires them, such as the end of what would go on.
ALSO: Mapping[str, Sequence[str]] = {
    "features": ["features"],  # the event of a feature, where it has a name of its own
    "history backfill": ["--weeks", "1"],
    "skill install": ["--for", "agents"],
    "live": ["--rounds", "1"],
    "alerts watch": ["--rounds", "1"],
    "query run": ["overview"],
    "alerts silence": ["pattern=stuck", "--for", "1h"],
    "alerts snooze": ["--for", "1h"],
    "plan scan": ["."],
}

# What a call needs to have been done before, once in a world.
BEFORE: Mapping[str, Sequence[str]] = {
    "report verify": ["report", "weekly", "-o", "week.md"],
    **{f"plan {word}": ["plan", "init", "--from", "data"] for word in ["check", "docs", "lint", "coverage", "schema"]},
    **{key: ["history", "backfill", "--weeks", "1"] for key in ["history", "history forget"]},
    **{key: ["insight", "create", "Walked", "--sql", "SELECT 1"] for key in ["insight show", "insight run"]},
    "skill check": ["skill", "install", "--for", "agents"],
    "insight delete": ["insight", "create", "Gone", "--sql", "SELECT 1"],
}

# The exit code where it is not 0.
CODES: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(["alerts show", "alerts ack", "alerts snooze", "alerts resolve"], (2,)),  # no such alert
    "alerts test": (2,),  # no channel is set
    "plan lint": (5,),  # the plan that `plan init` makes of data has no owners
    "plan check": (5,),
    "privacy prove": (5,),  # nobody was erased
}

# An option makes one more call of each command that has it: with these words, or with those of a world's `names`.
OPTIONS: Mapping[str, Any] = {
    "set_name": ["--set", "lifecycle"],
    "all_members": ["--all-members"],
    "undecided": ["--undecided"],
    "pseudonyms": ["--pseudonyms"],
    "full": ["--full", "-f", "json"],
    "compare": ["--compare"],
    "online": ["--online"],
    "verbose": ["--verbose"],
    "segment": ["--segment", "power"],
    "user": ["--user", "email"],
    "everything": ["--all"],
    "view": ["--view", "moves"],
    "of": ["--of", "person"],
    "trends compare": ["--compare", "previous"],
}

# Calls that are made without the option.
SKIPPED = {
    **dict.fromkeys(["push set_name", "report segment set_name"], "another set has other segments"),
    **dict.fromkeys(
        [
            f"{name} segment"
            for name in ["trends", "cohorts", "lifecycle", "stickiness", "churn", "activity", "sessions", "journeys"]
        ],
        "the same population as for `funnel`, `retention` and `features`",
    ),
    "trends of": "a property of numbers, which a world need not have",
    "history backfill set_name": "the same snapshots of other rules",
    "history forget set_name": "there is no snapshot of it",
    "skill install user": "writes into the home folder",
    "skill check user": "reads the home folder",
    "report weekly full": "is walked without -f json",
}

# The options that are not walked, and why.
LEFT = {
    "every command has it, from code that all of them share": (
        "workspace profile demo as_of timezone format fmt output refresh max_age offline no_pager watch limit"
    ),
    "ranges and periods are one piece of code: tests/product/test_command_line.py": (
        "days since until interval week_start weeks week before after periods window minimum top"
    ),
    "narrows the question: tests/product": (
        "people where order exclude stopped_at target returning event name category gone start goal steps urls kind"
        " outcome math formula cumulative smooth display who only within curve patterns pattern search sort tool by"
    ),
    "needs a thing of its own to be shown: tests beside the command": (
        "breakdown link url yes param source sql query description compiled person every rounds comment time end"
    ),
    "is of the plan's files, or of the embedded server's": (
        "data plan scan events tier phase owner badge values fail_on baseline write_baseline follow reset check store"
        " dry_run project client"
    ),
}
_LEFT = {name for names in LEFT.values() for name in names.split()}


@dataclass(frozen=True)
class Call:
    """One way in which the walk calls a command. ``filled`` are its arguments, some of them the keys of `names`."""

    command: str
    filled: tuple[str, ...] = ()
    option: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return " ".join([self.command, *self.option[:1], *(word for word in self.filled if word in TARGETS)])

    def codes(self, world: "World") -> tuple[int, ...]:
        """The exit codes that are right in ``world``."""
        if self.command in world.refused:
            return (2,)
        if self.id == "push posthog-cohort" and world.events is None:
            return (3,)  # there is no PostHog
        return (*world.codes, *CODES.get(self.command, (0,)))

    def words(self, names: dict[str, Sequence[str]]) -> list[str]:
        """The command line in a world."""
        words = self.command.split()
        for word in (*self.filled, *self.option):
            words += (NAMES | names).get(word, [word])
        return words


def leaves(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its path."""
    command = command or whole_command_line()
    children = getattr(command, "commands", {})
    if path and (not children or command.invoke_without_command):
        yield " ".join(path), command
    for name, child in children.items():
        yield from leaves(child, (*path, name))


def calls() -> Iterator[Call]:
    """Every call of the walk. Raises LookupError for a parameter of which no table says anything."""
    for path, command in leaves():
        if path in NOT_WALKED:
            continue
        parameters = {parameter.name: parameter for parameter in command.params}
        unknown = [name for name, each in parameters.items() if not (each.required or is_told(path, name, each))]
        if unknown:
            raise LookupError(f"say how the walk calls `{path}` with {', '.join(unknown)} (tests/worlds/calls.py)")
        for filled in _filled(path, [name for name, each in parameters.items() if each.required]):
            yield Call(path, filled)
        for name, parameter in parameters.items():
            if name in OPTIONS and not parameter.required and f"{path} {name}" not in SKIPPED:
                yield Call(path, filled, tuple(OPTIONS.get(f"{path} {name}", OPTIONS[name])))


def is_told(path: str, name: str, parameter: Any) -> bool:
    """Whether a table says what the walk does with an optional parameter."""
    return parameter.param_type_name == "argument" or name in OPTIONS or name in _LEFT


def _filled(path: str, required: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The words for the required parameters of a command, and again with each alternative of one."""
    ways: list[tuple[str, ...]] = [()]
    for name in required:
        told = ARGUMENTS.get(f"{path} {name}", ARGUMENTS.get(name))
        if told is None:
            raise LookupError(f"say how the walk calls `{path}` with {name} (tests/worlds/calls.py)")
        alternatives = [[told]] if isinstance(told, str) else told if isinstance(told[0], list) else [told]
        ways = [(*way, *words) for way in ways for words in alternatives]
    yield from ((*way, *ALSO.get(path, ())) for way in ways)
