"""`strict`: the product of seed 000, with exactly the columns that the seed lists, in three readings.

In its "Key Tables" code runs and custom tools have no time, and runs no id; in its queries nothing says who pays; and
in both together without any text of an error nothing says why something failed. Nowhere is said whose an agent is.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from .oracle import ABSENT, Act, Company, Person, Run
from .walk import Walk
from .world import NOW, Event, Opened, Row, World, ago

pytestmark = pytest.mark.slow  # `conftest.FAST` says which worlds everybody walks

KEY_TABLES = """
CREATE TABLE wasp_user (
    id integer, email text, credits float8, subscription_status text, last_active_timestamp timestamp(3),
    created_at timestamp(3)
);
CREATE TABLE fastapi_user (id integer, wasp_user_id integer);
CREATE TABLE fastapi_tool_executions (
    user_id text, tool_name text, tool_type text, tool_provider text, status text, error_type text, error_message text,
    execution_duration_ms integer, created_at timestamp(3)
);
CREATE TABLE fastapi_run (user_id integer, run_state text, created_at timestamp(3), run_error_log text);
CREATE TABLE fastapi_code_execution (user_id integer, status text, execution_time_ms integer, script_name text);
CREATE TABLE fastapi_deployment (user_id integer, name text, final_code text);
CREATE TABLE wasp_agentexecution (
    agent_id text, status text, entry_prompt text, result text, duration_ms integer, started_at timestamp(3)
);
"""
QUERIES = """
CREATE TABLE wasp_user (
    id integer, email text, credits float8, last_active_timestamp timestamp(3), created_at timestamp(3)
);
CREATE TABLE fastapi_user (id integer, wasp_user_id integer);
CREATE TABLE fastapi_tool_executions (
    id integer, user_id text, tool_name text, tool_type text, tool_provider text, status text, error_type text,
    error_message text, execution_duration_ms integer, created_at timestamp(3)
);
CREATE TABLE fastapi_run (
    id integer, user_id integer, run_state text, created_at timestamp(3), run_error_log text
);
CREATE TABLE fastapi_code_execution (
    user_id integer, name text, status text, execution_time_ms integer, created_at timestamp(3)
);
CREATE TABLE fastapi_deployment (user_id integer, description text, final_code text, created_at timestamp(3));
CREATE TABLE wasp_agentexecution (
    status text, duration_ms integer, started_at timestamp(3), completed_at timestamp(3)
);
"""
WITHOUT_TEXTS = """
CREATE TABLE wasp_user (
    id integer, email text, credits float8, subscription_status text, last_active_timestamp timestamp(3),
    created_at timestamp(3)
);
CREATE TABLE fastapi_user (id integer, wasp_user_id integer);
CREATE TABLE fastapi_tool_executions (
    id integer, user_id text, tool_name text, tool_type text, tool_provider text, status text,
    execution_duration_ms integer, created_at timestamp(3)
);
CREATE TABLE fastapi_run (id integer, user_id integer, run_state text, created_at timestamp(3));
CREATE TABLE fastapi_code_execution (
    user_id integer, name text, status text, execution_time_ms integer, script_name text, created_at timestamp(3)
);
CREATE TABLE fastapi_deployment (
    user_id integer, name text, description text, final_code text, created_at timestamp(3)
);
CREATE TABLE wasp_agentexecution (
    agent_id text, status text, entry_prompt text, result text, duration_ms integer, started_at timestamp(3),
    completed_at timestamp(3)
);
"""


@dataclass
class Customer:
    """An account, and what happened to it: runs and calls as (days ago, how it ended), events as (days ago, name)."""

    email: str
    credits: float | None
    signed_up: float
    plan: str | None = None
    runs: list[tuple[float, str]] = field(default_factory=list)
    calls: list[tuple[float, str]] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)
    code: int = 0
    tools: int = 0
    last_active: float | None = None


def every(step: float, count: int, what: str, first: float = 0.1) -> list[tuple[float, str]]:
    return [(first + step * number, what) for number in range(count)]


CLICK, PAGE = "mcp_connect_clicked", "$pageview"
CUSTOMERS = [
    Customer(
        "fay@northwind.example",
        40,
        50,
        "active",
        every(2, 8, "failed") + every(5, 3, "completed", 1),
        events=[(5, PAGE)],
    ),
    Customer("fritz@northwind.example", 75, 20, None, [*every(1, 6, "failed"), (0.5, "running")]),
    Customer("half@acme.example", 80, 30, None, every(3, 4, "failed") + every(3, 4, "completed", 1)),
    Customer("rosa@acme.example", 60, 12, None, [(3, "completed")], events=[(2, "$rageclick"), (2.1, PAGE)]),
    Customer("egon@acme.example", 90, 12, None, events=[(6.9, "$exception"), (7.2, "$exception")]),
    Customer("late@acme.example", 90, 25, None, events=[(7.1, "$rageclick")]),
    Customer("hugo@initech.example", 100, 3, None, events=[*every(0.5, 4, CLICK), (1, "mcp_url_copied")]),
    Customer("hedi@initech.example", 100, 40, "active", events=[(3, CLICK)]),
    Customer("hans@initech.example", 99, 4, None, events=[(3, CLICK)]),
    Customer("old@initech.example", 100, 70, None, events=[(31, CLICK)]),
    Customer("anna@umbra.example", 100, 40, None),
    Customer("arno@umbra.example", 100, 7, None, last_active=8),
    Customer("axel@umbra.example", 100, 6.9, None),
    Customer("busy@umbra.example", 100, 30, None, calls=[(1, "success")]),
    Customer("pia@umbra.example", 49, 60, "active", [(40, "completed")]),
    Customer("paul@umbra.example", None, 60, None, every(4, 6, "completed"), calls=every(1, 5, "failed")),
    Customer("coder@umbra.example", 100, 45, None, code=3, tools=1),
    Customer("lots@hooli.example", 10, 80, "active", every(1, 30, "completed"), every(1, 20, "success")),
    Customer("boss@datagen.dev", 0, 90, None, every(1, 9, "failed"), events=[(1, "$rageclick")]),
    Customer("dev@datagen.dev", 100, 90, None, events=[(1, CLICK)]),
]
VISITORS = {"visitor-1": [(2.0, PAGE)], "visitor-2": [(3.0, PAGE), (2.9, "$rageclick")]}
TABLE = r"CREATE TABLE (\w+) \(([^;]*)\);"
LOGS = {"failed": "Modal OOM (rc=137)"}
ENDED = {"completed": "ok", "failed": "failed"}


def rows(schema: str) -> dict[str, list[Row]]:
    """The rows of each table, with the columns that it has."""
    columns = {table: set(re.findall(r"(\w+) [a-z]", body)) for table, body in re.findall(TABLE, schema)}
    return {
        table: [{name: value for name, value in row.items() if name in columns[table]} for row in rows]
        for table, rows in whole_rows().items()
    }


def whole_rows() -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {
        name: []
        for name in [
            "wasp_user",
            "fastapi_user",
            "fastapi_run",
            "fastapi_tool_executions",
            "fastapi_code_execution",
            "fastapi_deployment",
        ]
    }
    for number, one in enumerate(CUSTOMERS, 1):
        tables["wasp_user"].append(
            {
                "id": number,
                "email": one.email,
                "credits": one.credits,
                "subscription_status": one.plan,
                "created_at": utc(one.signed_up),
                "last_active_timestamp": None if one.last_active is None else utc(one.last_active),
            }
        )
        user = 100 + number
        tables["fastapi_user"].append({"id": user, "wasp_user_id": number})
        tables["fastapi_run"] += [
            {
                "id": 1000 * number + at,
                "user_id": user,
                "run_state": state,
                "created_at": utc(days),
                "run_error_log": LOGS.get(state),
            }
            for at, (days, state) in enumerate(one.runs)
        ]
        tables["fastapi_tool_executions"] += [
            {
                "id": 1000 * number + at,
                "user_id": str(user),
                "tool_name": "gmail_send",
                "tool_type": "mcp",
                "tool_provider": "gmail",
                "status": state,
                "error_message": "invalid teamId" if state == "failed" else None,
                "execution_duration_ms": 900,
                "created_at": utc(days),
            }
            for at, (days, state) in enumerate(one.calls)
        ]
        code = {
            "user_id": user,
            "status": "success",
            "execution_time_ms": 70,
            "script_name": "digest.py",
            "name": "digest",
            "created_at": utc(9),
        }
        tables["fastapi_code_execution"] += [code] * one.code
        tables["fastapi_deployment"] += [
            {"user_id": user, "name": "digest", "final_code": "print(1)", "created_at": utc(9)}
        ] * one.tools
    tables["wasp_agentexecution"] = [
        {"agent_id": "a1", "status": "completed", "entry_prompt": "go", "duration_ms": 1200, "started_at": utc(2)}
    ]
    return tables


def utc(days: float) -> str:
    """A time as the product writes it: UTC, and no zone."""
    return ago(days).replace(tzinfo=None).isoformat()


def events() -> list[Event]:
    known = [
        Event(one.email, name, ago(days), {"$set": {"email": one.email}, **properties(name)})
        for one in CUSTOMERS
        for days, name in one.events
    ]
    strangers = [Event(who, name, ago(days), properties(name)) for who, acts in VISITORS.items() for days, name in acts]
    return known + strangers


def properties(name: str) -> dict[str, str]:
    if name == CLICK:
        return {"template_name": "Gmail"}
    return {"$pathname": "/tools", "$current_url": "https://northwind.example/tools", "$session_id": "s1"}


def company(*, timed: bool, plans: bool) -> Company:
    people = [
        Person(
            one.email,
            accounts=1,
            signed_up=ago(one.signed_up),
            credits=one.credits,
            plan=one.plan if plans else ABSENT,
            runs=[Run(ago(days), ENDED.get(state, state)) for days, state in one.runs],
            acts=[Act(ago(days), name) for days, name in one.events],
            seen=[ago(days) for days, _ in one.calls]
            + ([ago(one.last_active)] if one.last_active else [])
            + [ago(9)] * (timed and bool(one.code or one.tools)),
            internal=one.email.endswith("@datagen.dev"),
        )
        for one in CUSTOMERS
    ]
    strangers = [
        Person(who, acts=[Act(ago(days), name) for days, name in acts], anonymous=True)
        for who, acts in VISITORS.items()
    ]
    return Company(NOW, people + strangers)


def without_the_coder(known: Any) -> Any:
    """Who is at risk, without the one person who is in a table that has no time: of them, that is undecided."""
    return known - 1 if isinstance(known, int) else [email for email in known if email != "coder@umbra.example"]


def world(name: str, schema: str) -> World:
    answers = company(timed=schema is not KEY_TABLES, plans=schema is not QUERIES).answers()
    if schema is KEY_TABLES:
        for call in ("segments", "segments --all-members"):
            answers[call]["at_risk"] = without_the_coder(answers[call]["at_risk"])
        answers.pop("segments --set")
    return World(
        name=name,
        schema=schema,
        rows=rows(schema),
        events=events(),
        init=(),
        settings="\ninternal: [datagen.dev]\n",
        own_words=frozenset({"server", "credit", "workflow", "seed", "mcp"}),
        codes=(5, 6),  # what rests on a table without a time, or on a column that is missing, is unknown
        names={
            "features": ["--event", CLICK, "--property", "template_name"],
            "email": ["fay@northwind.example"],
            "steps": [CLICK, "mcp_url_copied"],
            "segment": ["power"],
        },
        answers=answers,
    )


# The other two readings lack other columns of the same tables, which the queries of these steps read: all that remains
# of the walk reads what it reads in `strict`, or nothing of a table.
READING = frozenset(
    {"segments", "segments --all-members", "segments --set", "explain", "user", "failures", "query run"}
)
READING |= {"report weekly", "metrics", "/segments", "/segments/{segment} failing", "/people/{person:key} email"}


class TestKeyTables(Walk):
    world = world("strict", KEY_TABLES)

    def test_what_a_table_without_times_leaves_unknown_in_a_week(self, there: Opened) -> None:
        week = there.run("report", "weekly", "-f", "markdown").out
        newest = next(line for line in week.splitlines() if "Newest seen" in line)
        assert "runs 15 Nov 2026" in newest
        assert "code" not in newest
        assert "(in all 1) · pia@umbra.example; 1 undecided, because code_runs have no time" in week

    def test_lately_used_is_unknown_where_somebody_may_have_at_a_time_that_no_table_has(self, there: Opened) -> None:
        [usage] = json.loads(there.run("query", "run", "usage", "-f", "json").out)["rows"]
        assert (usage["people_with_usage"], usage["people_with_recent_usage"]) == (9, None)


class TestQueries(Walk):
    world = world("strict_queries", QUERIES)
    only = READING


class TestWithoutTexts(Walk):
    world = world("strict_texts", WITHOUT_TEXTS)
    only = READING
