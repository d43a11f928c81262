"""Writes docs/queries.md from the headers of the shipped queries: `python scripts/query_docs.py`.

Whatever the page says of a query stands in that query's own file.
"""

from collections.abc import Iterator
from pathlib import Path

from usertrack.library.entities import KINDS
from usertrack.library.library import SOURCES, Fact, Library, Parameter, Query

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "queries.md"
SOURCE_NAMES = {"posthog": "PostHog, in HogQL", "neon": "Postgres"}

SEED = {
    "S0-16 MCP setups completed": ["posthog/mcp_setups"],
    "S0-32 event overview": ["posthog/events_overview"],
    "S0-33 MCP connect clicks by user": ["posthog/mcp_clicks", "posthog/mcp_connects"],
    "S0-34 traffic sources": ["posthog/traffic_sources"],
    "S0-35 traffic by country": ["posthog/traffic_countries"],
    "S0-36 UX issues": ["posthog/ux_issues", "posthog/ux_pages", "posthog/frustration"],
    "S0-37 page breakdown": ["posthog/pages"],
    "S0-38 full user journey": ["posthog/user_events", "posthog/user_sessions"],
    "S0-39 MCP servers user clicked": ["posthog/user_mcp"],
    "S0-40 user overview": ["neon/overview", "neon/usage"],
    "S0-41 users with run activity": ["neon/run_activity"],
    "S0-42 users with no runs": ["neon/never_activated", "neon/lapsed"],
    "S0-43 recent failed runs": ["neon/failed_runs"],
    "S0-44 recent code executions": ["neon/code_executions"],
    "S0-45 custom tools created": ["neon/custom_tools", "neon/user_custom_tools"],
    "S0-46 user's Neon record": ["neon/user_account"],
    "S0-47 tool execution overview": ["neon/tools_overview"],
    "S0-48 top tools by usage": ["neon/top_tools"],
    "S0-49 user-level tool usage": ["neon/tool_users", "neon/tool_activity"],
    "S0-50 per-user tool breakdown": ["neon/user_tools"],
    "S0-51 tool failure analysis": ["neon/failing_tools"],
    "S0-52 tool error details": ["neon/tool_errors"],
    "S0-53 agent execution overview": ["neon/agent_runs"],
    "S0-54 daily tool execution trend": ["neon/tool_days"],
    "S0-55 MCP provider usage": ["neon/mcp_providers"],
    "S0-67 tool-level failures of a user": ["neon/user_tool_failures"],
    "S0-68 workflow-level failures of a user": ["neon/user_runs"],
    "S0-69 does the user use the tool": ["neon/user_tool_use"],
    "S0-80 MCP versus default tools": ["neon/tool_kinds", "neon/user_tool_kinds"],
}
"""Each query of seed 000 and the names it has here."""

HEAD = """\
# The query library

Generated from the headers in `queries/`; `python scripts/query_docs.py` writes it anew. How to write your own:
[queries](guide/queries.md).

`usertrack query run NAME --param days=7` runs a query, and `usertrack query show NAME` shows its SQL. A file of the
same name in a workspace replaces it. What holds for all of them:

- Your own people are left out (the setting `internal`: domains with their sub-domains, and e-mails, in upper or lower
  case). A person without an e-mail stays in. The exceptions are marked *lists everybody*: they tell profiles whom to
  leave out.
- Windows end at `--as-of` and are half-open: `days: 30` is the 30 × 24 hours up to and including that moment. Calendar
  days are those of the workspace's timezone.
- Outcomes are ok, failed, running (or queued), cancelled, and unknown for any other status. Rates are over ok and
  failed alone, and empty where there is none.
- No query has a LIMIT; `--limit` cuts what is shown.
"""


def page(library: Library) -> str:
    """The whole page in Markdown."""
    parts = [HEAD]
    for source in SOURCES:
        names = [name for name in library if name.startswith(f"{source}/")]
        parts.append(f"## {SOURCE_NAMES[source]}\n")
        parts += ["\n".join(_query(library[name])) for name in names]
    parts.append("\n".join(_entities()))
    parts.append("\n".join(_fragments(library)))
    return "\n".join([*parts, *_seed()])


def _query(query: Query) -> Iterator[str]:
    yield f"### {query.name}\n"
    yield f"**{query.title}.** {query.about.strip()}\n"
    if query.params:
        yield f"- Parameters: {', '.join(map(_parameter, query.params.values()))}"
    if query.key:
        yield f"- Key: `{query.key}`, one row each{'; lists everybody' if query.people else ''}"
    if query.metric:
        bounds = (("good", query.metric.good), ("excellent", query.metric.excellent))
        bands = "".join(f", {name} {bound.text}" for name, bound in bounds if bound)
        yield f"- Metric: {query.metric.label} ({query.metric.kind}{bands})"
    if query.facts:
        yield f"- Facts: {', '.join(_fact(name, fact) for name, fact in query.facts.items())}"
    if query.params or query.key or query.metric:
        yield ""


def _entities() -> Iterator[str]:
    yield "## Entities\n"
    yield "Queries of Postgres read these, and no tables: `FROM {runs} AS r`. What each is in your database stands in"
    yield "`tables/neon/` ([your own tables](guide/tables.md)). An entity with states has their meaning, too: `outcome`"
    yield "(ok, failed, running, cancelled, or unknown) and the booleans `ok` and `failed`; accounts have `person`,"
    yield "the e-mail, or the id where there is none. Accounts that are `deleted` are `{former_accounts}`, and not"
    yield "`{accounts}`.\n"
    for kind in KINDS.values():
        yield f"### {kind.name}\n"
        yield f"{kind.about[0].upper()}{kind.about[1:]}.\n"
        yield "| Column | Type | Needed | What it is |\n| --- | --- | --- | --- |"
        for column in kind.columns:
            yield f"| `{column.name}` | {column.type} | {'yes' if column.required else ''} | {column.about} |"
        yield ""


def _fragments(library: Library) -> Iterator[str]:
    yield "## Fragments\n"
    yield "A query names them in braces, such as `{customer}`; `query show NAME --compiled` writes them out. Your"
    yield "own lie in `queries/fragments/posthog/` and `…/neon/`: a header with a `title`, and a piece of SQL.\n"
    yield "| Source | Fragment | What it is |\n| --- | --- | --- |"
    for source in SOURCES:
        for name, fragment in sorted(library.fragments(source).items()):
            yield f"| {source} | `{{{name}}}` | {fragment.title}. {fragment.about} |"
    yield ""


def _parameter(parameter: Parameter) -> str:
    if parameter.default is None:
        return f"`{parameter.name}` ({parameter.type}, required)"
    default = ", ".join(parameter.default) if isinstance(parameter.default, list) else parameter.default
    return f"`{parameter.name}` ({parameter.type}, {default})"


def _fact(name: str, fact: Fact) -> str:
    return f"`{name}` ({fact.label})"


def _seed() -> Iterator[str]:
    yield "## Where the queries of seed 000 are\n"
    yield "| Seed | Query |\n| --- | --- |"
    for item, names in SEED.items():
        links = (f"[{name}](#{name.replace('/', '')})" for name in names)
        yield f"| {item} | {', '.join(links)} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(Library([ROOT / "queries"])), encoding="utf-8")
