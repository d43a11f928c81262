"""The root of the command line: every command with its line in the help.

The module of a command is imported when it is called, so `usertrack --help` imports none of them.
"""

# ruff: noqa: E501 - a command a line

import importlib
from typing import TYPE_CHECKING

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer._click import Command, Context

PANELS = {
    "People": {
        "segments": "Whom to talk to, about what, and why.",
        "explain": "Explain why a person is, or is not, in each segment, and what would change that.",
        "user": "Show all that is known about one person: account, segments, activity, tools, failures, sessions, timeline.",
        "match": "How people match between PostHog and Postgres: who is in only one, and whose e-mail is ambiguous.",
        "failures": "Which runs and tool calls fail, why, for whom, who should fix it, and whether many fail at once.",
        "live": "Print what people do now and who needs help, one line each, until Ctrl-C.",
        "open": "Look at everything in the browser: today, segments, people, activity, live, alerts, the plan, queries.",
        "push": "Send the people to act on in a segment to PostHog, Slack, a CRM or your own server.",
        "metrics": "The scorecard: key figures, how good they are, and how they changed since the period before.",
        "history": "The segments over time: sizes, who entered and left and why, how long people stay.",
        "alerts": "Who needs help now: patterns over what people do, and a word to those who can help.",
        "report": "Reports in Markdown, HTML or JSON, in which every figure names its query.",
    },
    "Product analytics": {
        "trends": "How often something happens over time, by how many people, and how much.",
        "funnel": "How many people go from step to step, how long it takes them, and where they stop.",
        "retention": "Retention: of people who began in a week (day, month, hour), the share who came back in each later one.",
        "cohorts": "Cohorts by the week of signup, and the share who came back on day 1, 7, 14, 30, 60 and 90.",
        "lifecycle": "Lifecycle by period: new people, returning ones, those back after a pause, and those who have gone.",
        "stickiness": "Stickiness: on how many days (weeks, months) of the range people were active.",
        "features": "Which features people use: adoption, retention, time spent, trend, and features that nobody uses.",
        "churn": "Churn: how many people leave, how long they stay, who is at risk, and how often that was right in the past.",
        "activity": "How active people are: DAU, WAU and MAU, new and lost people, sessions, engagement, and the time of week.",
        "sessions": "Sessions: how many, how long, and by device, browser, operating system and country.",
        "journeys": "The paths that people take: what they do first and next, where they enter, and where they leave.",
    },
    "PostHog": {
        "events": "List the events that PostHog knows, how often each occurred, and when last.",
        "properties": "List the properties that PostHog knows, with their types.",
        "errors": "List the errors in people's browsers, from PostHog's error tracking.",
        "search": "Search PostHog by name: insights, dashboards, cohorts, actions, flags, events, properties.",
        "insight": "PostHog's saved insights: list, show, run, create and delete.",
    },
    "Workspace": {
        "init": "Create a workspace: settings, segments, funnels and a folder for your queries, with comments.",
        "skill": "The skill for agents: show it, install it for a client, check its age.",
        "check": "Check all files of the workspace: settings, queries, segments, causes of failures, funnels.",
        "doctor": "Find out why there is no answer: checks connections, scopes, tables, columns, events and settings.",
        "login": "Log in: asks for PostHog's host, project and key, and for a database, tries them, and stores them as a profile.",
        "logout": "Log out: removes a profile with its secrets. Nothing changes in PostHog: the key goes on being valid there.",
        "profiles": "List the profiles that `usertrack login` stored: host, project and database of each, and no secret.",
        "allow": "Allow the commands with which this workspace gets secrets to run, and your keys to go to the addresses it sets.",
        "cache": "The cache of answers: list what is in it, and clear it.",
        "privacy": "People's data: export it, erase it and prove that, delete old data, replace names by pseudonyms.",
    },
    "Engines": {
        "demo": "Build the demo data of any size; the other commands then use it.",
        "serve": "Run the embedded PostHog as a server: PostHog's SDKs send events to it, usertrack queries it.",
        "tracker": "The script for browsers, `usertrack.js`: the secret of its signatures.",
        "import": "Import your event logs into the embedded PostHog.",
    },
    "Plan": {
        "plan": "The tracking plan: what should be tracked, what the code sends, what has arrived.",
    },
    "Queries": {
        "query": "The library of SQL queries: list, show and run them, write your own.",
    },
}
"""The commands by panel, with the first sentence of what they say of themselves."""
_MODULES = {
    "people": ("segments", "explain", "user", "match"),
    "pages": ("open",),
    "analytics": ("trends", "funnel", "retention", "cohorts", "lifecycle", "stickiness", "features", "churn"),
    "activity": ("activity", "sessions"),
    "insights": ("events", "properties", "errors", "search", "insight"),
    "setup": ("init", "check", "doctor"),
    "login": ("login", "logout", "profiles", "allow"),
    "serving": ("demo", "serve"),
    "queries": ("query",),
    "importing": ("import",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}  # of others, their own name


class LazyGroup(TyperGroup):
    """Lists the commands, and imports the one that is called."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)  # type: ignore[arg-type]
        for panel, commands in PANELS.items():
            for name, line in commands.items():
                self.commands[name] = TyperCommand(name, help=line, rich_help_panel=panel)

    def resolve_command(self, ctx: "Context", args: list[str]) -> "tuple[str | None, Command | None, list[str]]":
        name, _, words = super().resolve_command(ctx, args)
        return name, self.load(name) if name else None, words

    def load(self, name: str) -> "Command":
        """Return the command itself, which takes the place of its line in the help."""
        app = typer.Typer(rich_markup_mode="markdown", callback=lambda: None)
        importlib.import_module(f"usertrack.cli.{_MODULE_OF.get(name, name)}").register(app)
        self.commands[name] = typer.main.get_group(app).commands[name]
        return self.commands[name]
