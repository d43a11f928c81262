"""`usertrack init --from-database` on schemas as frameworks make them: what is proposed, and who is where."""

import json
from pathlib import Path

import pytest

from ..conftest import Cli, slow_but
from .conftest import Reader, schema

RUNS = {
    "django": ("renders_renderjob", "ok: [succeeded]", "failed: [timed_out]", "running: [queued]"),
    "rails": ("builds", "ok: [2]", "failed: [3]", "running: [0, 1]", "cancelled: [4]"),
    "prisma": (
        '"WorkflowRun"',
        "ok: [COMPLETED_SUCCESSFULLY]",
        "failed: [COMPLETED_WITH_ERRORS, CRASHED]",
        "error ->> 'message'",
    ),
    "supabase": ("generations", "ok: [succeeded]", "failed: [failed]", "running: [pending, processing]"),
    "laravel": ("exports", "ok: [ok]", "failed: [failed]", "running: [running]"),
}
ACCOUNTS = {
    "django": ("auth_user", "u.date_joined AS signed_up_at", "a2.email", "concat_ws(' ', u.first_name, u.last_name)"),
    "rails": (
        "users",
        "o.name AS organization",
        "s2.amount_cents / 100.0 / 12",
        "AS organization_revenue",
        "u.discarded_at IS NOT NULL AS deleted",
    ),
    "prisma": (
        '"User"',
        'u."lastSeenAt" AS last_active_at',
        "active: [ACTIVE]",
        'u."deletedAt" IS NOT NULL AS deleted',
    ),
    "supabase": ("auth.users", "p.full_name AS name", "p.credits", "u.deleted_at IS NOT NULL AS deleted"),
    "laravel": ("users", "t.name AS organization", "t.plan AS subscription_status", "active: [pro]"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(["django"], RUNS))
def test_five_segments(cli: Cli, reader: Reader, tmp_path: Path, name: str) -> None:
    reader(schema(name))
    answer = cli("init", "acme", "--from-database", "--yes")
    assert answer.code == 0, answer.err
    for entity, (table, *pieces) in {"accounts": ACCOUNTS[name], "runs": RUNS[name]}.items():
        text = (tmp_path / "acme" / "tables" / "neon" / f"{entity}.sql").read_text()
        assert f"FROM {table} AS " in text
        assert [piece for piece in pieces if piece not in text] == []
    assert cli("check", "-w", "acme").code == 0
    lines = cli("segments", "--all-members", "-w", "acme", "-f", "jsonl").out.splitlines()
    members = {person["email"]: person["segments"] for person in map(json.loads, lines)}
    idle = {"django": "cleo@acme.example", "prisma": "mo@acme.example"}.get(name)
    never_ran = {idle: ["at_risk"]} if idle else {}
    assert members == {"ada@acme.example": ["failing", "power"], "ben@acme.example": ["power"], **never_ran}
    assert "ada@" not in answer.out.split("Segments on")[0]
