"""Plans from code and from data: what is known, what is a guess, and what is left out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from usertrack.coverage.drafts import draft_of_code, draft_of_data
from usertrack.plan.draft.model import Draft
from usertrack.plan.draft.write import merge
from usertrack.plan.lint import lint_plan
from usertrack.plan.model import Plan
from usertrack.plan.read import read_plan
from usertrack.plan.scan.site import CallSite, Scan, SentProperty, Unresolved
from usertrack.server.database.store import Store

from ..product.logs import asking
from ..server.capture_fixtures import Client


def plan_of(folder: Path, draft: Draft) -> Plan:
    merge(folder / "tracking.yaml", draft)
    return read_plan(folder / "tracking.yaml")


def site(event: str | None, file: str, line: int = 1, pattern: str | None = None, **properties: bool) -> CallSite:
    sent = [SentProperty(name, always) for name, always in properties.items()]
    return CallSite(event, pattern, file, line, "posthog.capture", properties=sent)


SCAN = Scan(
    [
        site("report_exported", "web/reports.js", 88, format=True, row_count=True, team_slug=True),
        site("report_exported", "api/reports.py", 12, format=True, row_count=False, email=True),
        site("report_opened", "web/reports.js", 90, **{"$set": True}),
        site("$pageview", "web/app.js"),
        site(None, "api/cli.py", 7, pattern="command_*"),
    ],
    [Unresolved("api/x.py", 3, "posthog.capture", "the name is read from a file")],
    3,
    0.1,
)


def test_a_plan_of_code(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, draft_of_code(SCAN, "../shop"))
    assert list(plan.events) == ["report_exported", "report_opened"]
    exported = plan.events["report_exported"]
    assert exported.required == ("format",)
    assert exported.source == ("../shop/web/reports.js", "../shop/api/reports.py")
    assert {use.name for use in exported.properties} == {"format", "row_count", "team_slug", "email"}
    assert plan.events["report_opened"].properties == ()
    assert (plan.properties["row_count"].type, plan.properties["email"].personal) == ("integer", "email")
    assert (plan.naming[0].case, plan.naming[0].tense) == ("snake_case", "past")
    text = (tmp_path / "tracking.yaml").read_text()
    assert "required: [format]  # guess: in all 2 places of the code" in text
    assert [each.rule.id for each in lint_plan(plan)] == ["incomplete-event"]


def test_what_code_computes_is_a_note_and_no_entry() -> None:
    assert draft_of_code(SCAN).notes == (
        "`command_*` is computed (api/cli.py:7): name its events in the plan",
        "1 place could not be resolved: `usertrack plan scan` lists them",
    )


def test_code_that_sends_nothing_gives_an_empty_plan(tmp_path: Path) -> None:
    assert plan_of(tmp_path, draft_of_code(Scan([], [], 0, 0.0))).events == {}


def event(name: str, number: int, **properties: Any) -> dict[str, object]:
    return {"event": name, "distinct_id": f"p{number}", "timestamp": "2026-11-19T10:00:00Z", "properties": properties}


def test_a_plan_of_data(tmp_path: Path, store: Store, client: Client) -> None:
    client.send(
        *(
            event(
                "order_paid",
                number,
                amount=number,
                rate=number / 3,
                paid_at="2026-11-19T10:00:00Z",
                method=("card", "cash")[number % 2],
                contact=f"p{number}@x.example",
                items=["a"],
                mixed=(1, "a")[number % 2],
                note=None,
                customer=("Acme", "Globex")[number % 2],
                utm_source="x",
                **({"coupon": "yes"} if number else {}),
            )
            for number in range(24)
        ),
        event("opened_8f14e45fceea", 1, x=1),
        event("$pageview", 1, x=1),
        event("$identify", 1, **{"$set": {"email": "p1@x.example", "has_team": True}}),
        event("order_paid", 1, amount=1, **{"$groups": {"team": "t1"}}),
        event("$groupidentify", 1, **{"$group_type": "team", "$group_key": "t1", "$group_set": {"seat_count": 3}}),
    )
    with asking(store, datetime(2026, 11, 20, 12, tzinfo=UTC)) as runner:
        draft = draft_of_data(runner, 30)
    plan = plan_of(tmp_path, draft)
    assert list(plan.events) == ["order_paid"]
    order = plan.events["order_paid"]
    assert order.required == ("amount",)
    assert len(order.properties) == 9
    assert plan.person_properties["email"].personal == "email"
    assert plan.person_properties["has_team"].type == "boolean"
    assert plan.group_properties["team"]["seat_count"].type == "integer"
    assert {name: planned.type for name, planned in plan.properties.items()} == {
        "amount": "integer",
        "contact": "string",
        "coupon": "string",
        "customer": "string",
        "items": "list",
        "method": "string",
        "mixed": None,
        "paid_at": "datetime",
        "rate": "number",
    }
    assert plan.properties["method"].values == ("card", "cash")
    assert (plan.properties["contact"].personal, plan.properties["contact"].values) == ("email", ())
    assert any(note.startswith("1 event with an id in the name left out") for note in draft.notes)
    text = (tmp_path / "tracking.yaml").read_text()
    assert "required: [amount]  # guess: in all 25 events of 30 days" in text
    assert "@x.example" not in text
    assert "Acme" not in text
    assert "8f14e45f" not in text
