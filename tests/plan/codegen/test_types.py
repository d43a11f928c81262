"""Type checkers accept right calls of the generated code, and refuse wrong ones: mypy --strict, and tsc."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from usertrack.plan.codegen import Language
from usertrack.plan.codegen.generate import generate

from .plans import REPORTS

FOLDER = Path(__file__).parent

WRONG_PYTHON = [
    ('track("42", "report_exportd")', "No overload variant"),
    ('track("42", name)', "No overload variant"),
    ('track("42", Event.REPORT_EXPORTD)', '"type[Event]" has no attribute "REPORT_EXPORTD"'),
    ('track("42", Event.REPORT_EXPORTED)', "No overload variant"),
    ('track("42", Event.REPORT_EXPORTED, None)', "No overload variant"),
    ('track("42", Event.REPORT_EXPORTED, {"team_slug": "acme"})', "No overload variant"),
    ('track("42", Event.REPORT_EXPORTED, ReportExportedProperties(team_slug="acme"))', 'Missing key "format"'),
    ('track("42", Event.DASHBOARD_VIEWED, {"path": "/"})', "No overload variant"),
    ('ReportExportedProperties(team_slug="acme", format="csv", row=1)', 'Extra key "row"'),
    ('ReportExportedProperties(team_slug="acme", format="xls")', "has type \"Literal['csv', 'pdf']\""),
    ('ReportExportedProperties(team_slug=7, format="csv")', '(expression has type "int", TypedDict item "team_slug"'),
    ('ReportExportedProperties(team_slug=None, format="csv")', 'expression has type "None"'),
    ('ReportExportedProperties(team_slug="acme", format="csv", rows=0.5)', 'expression has type "float"'),
    ('ReportExportedProperties(team_slug="acme", format="csv", share="half")', 'TypedDict item "share"'),
    ('ReportExportedProperties(team_slug="acme", format="csv", filtered="yes")', 'TypedDict item "filtered"'),
    ('ReportExportedProperties(team_slug="acme", format="csv", ready_at=1.5)', 'TypedDict item "ready_at"'),
    ('ReportExportedProperties(team_slug="acme", format="csv", tags="weekly")', 'TypedDict item "tags"'),
    ('ReportExportedProperties(team_slug="acme", format="csv", options=["wide"])', 'TypedDict item "options"'),
    ('PlanChosenProperties({"plan_name": "pro"})', 'Missing key "Plan Name"'),
    ('DashboardViewedProperties({"$set": {"role": "boss"}})', "has type \"Literal['admin', 'member'] | None\""),
    ('TeamGroup(seats="many")', 'TypedDict item "seats"'),
    ('track(Event.DASHBOARD_VIEWED, "42")', "No overload variant"),
    ('track("42", Event.DASHBOARD_VIEWED, groups="acme")', "No overload variant"),
    ('track("42", Event.DASHBOARD_VIEWED, session=1)', "No overload variant"),
]

WRONG_TYPESCRIPT = [
    ('track("report_exportd")', "TS2345"),
    ("track(name)", "TS2345"),
    ("track(Events.REPORT_EXPORTD)", "TS2551: Property 'REPORT_EXPORTD' does not exist"),
    ("track(Events.REPORT_EXPORTED)", "TS2554: Expected 2-3 arguments, but got 1"),
    ("track(Events.REPORT_EXPORTED, undefined)", "TS2345"),
    ('track(Events.REPORT_EXPORTED, { team_slug: "acme" })', "Property 'format' is missing"),
    ('track("dashboard.viewed", { path: "/" })', "TS2353: Object literal may only specify known properties"),
    ('track("report_exported", { ...required, row: 1 })', "'row' does not exist in type"),
    (
        'track("report_exported", { ...required, format: "xls" })',
        '\'"xls"\' is not assignable to type \'"csv" | "pdf"\'',
    ),
    ('track("report_exported", { ...required, team_slug: 7 })', "'number' is not assignable to type 'string'"),
    ('track("report_exported", { ...required, team_slug: null })', "'null' is not assignable to type 'string'"),
    ('track("report_exported", { ...required, rows: "3" })', "'string' is not assignable to type 'number'"),
    ('track("report_exported", { ...required, share: true })', "'boolean' is not assignable to type 'number'"),
    (
        'track("report_exported", { ...required, filtered: "yes" })',
        "is not assignable to type 'boolean | null'",
    ),
    ('track("report_exported", { ...required, ready_at: 1.5 })', "'number' is not assignable to type"),
    ('track("report_exported", { ...required, tags: "weekly" })', "'string' is not assignable to type 'readonly"),
    ('track("report_exported", { ...required, options: ["wide"] })', "TS2322"),
    ('track("Plan Chosen", { plan_name: "pro" })', "'plan_name' does not exist"),
    ('track("dashboard.viewed", { $set: { role: "boss" } })', "'\"boss\"' is not assignable"),
    ("track(7)", "'7' is not assignable to parameter of type 'EventName'"),
    ("createTrack({ send: () => 1 })", "TS2353"),
    ('Events.PLAN_CHOSEN = "Plan Chosen"', "TS2540: Cannot assign to 'PLAN_CHOSEN' because it is a read-only"),
]

COMPILER = {
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "isolatedModules": True,
    "skipLibCheck": True,
    "outDir": "out",
}
SEND = """
import { createTrack, Events } from "./out/tracking.js";
const sent = [];
const track = createTrack({ capture: (...call) => sent.push(call) });
track(Events.DASHBOARD_VIEWED, { tab: "all" }, { send_instantly: true });
track("signed_up");
console.log(JSON.stringify(sent));
"""


@pytest.mark.slow
def test_mypy(tmp_path: Path) -> None:
    for module, client in {"tracking": "usertrack", "over_posthog": "posthog", "over_own": "own.send"}.items():
        (tmp_path / f"{module}.py").write_text(generate(REPORTS, Language.python, client))
    (tmp_path / "own.py").write_text("def send(distinct_id: object, event: str, properties: object) -> None: ...\n")
    shutil.copy(FOLDER / "right_calls.py", tmp_path)
    lines = ["from tracking import *", 'name: str = "report_exported"', *(call for call, _ in WRONG_PYTHON)]
    (tmp_path / "wrong_calls.py").write_text("\n".join(lines))
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", *sorted(tmp_path.glob("*.py"))]
    output = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    assert {line.partition(":")[0] for line in output.splitlines()[:-1]} == {"wrong_calls.py"}, output
    assert unrefused(output, r"wrong_calls\.py:(\d+): error: (.*)", 3, WRONG_PYTHON) == []


@pytest.mark.slow
def test_tsc(tmp_path: Path) -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are needed for tsc")
    packages = ["typescript@5.9.3", "posthog-js@1.300.0"]
    install = ["npm", "install", *packages, "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(tmp_path)]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    (tmp_path / "tracking.ts").write_text(generate(REPORTS, Language.typescript))
    shutil.copy(FOLDER / "right_calls.ts", tmp_path)
    head = [
        'import { createTrack, Events } from "./tracking"; import posthog from "posthog-js";',
        "const track = createTrack(posthog); declare const name: string;"
        'const required = { team_slug: "acme", format: "csv" } as const;',
    ]
    (tmp_path / "wrong_calls.ts").write_text("\n".join([*head, *(f"{call};" for call, _ in WRONG_TYPESCRIPT)]))
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": COMPILER, "include": ["*.ts"]}))
    command = [str(tmp_path / "node_modules/.bin/tsc"), "--pretty", "false"]
    output = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    assert set(re.findall(r"^\w+\.ts", output, re.MULTILINE)) == {"wrong_calls.ts"}, output
    (tmp_path / "send.mjs").write_text(SEND)
    (tmp_path / "out" / "package.json").write_text('{"type": "module"}')
    sent = subprocess.run(["node", "send.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert json.loads(sent) == [
        ["dashboard.viewed", {"tab": "all"}, {"send_instantly": True}],
        ["signed_up", None, None],
    ]
    assert unrefused(output, r"wrong_calls\.ts\((\d+),\d+\): error (.*(?:\n .*)*)", 3, WRONG_TYPESCRIPT) == []


def unrefused(output: str, pattern: str, first: int, calls: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The calls whose line has no error with the expected text, each with what the checker wrote there."""
    errors: dict[int, str] = {}
    for line, message in re.findall(pattern, output):
        errors[int(line)] = f"{errors.get(int(line), '')}{message}\n"
    written = [(call, expected, errors.get(first + number, "")) for number, (call, expected) in enumerate(calls)]
    return [(call, message) for call, expected, message in written if expected not in message]
