"""Which PostgreSQL answers, as which role, and whether that role could write."""

from usertrack.checks.finding import Finding
from usertrack.core.source_names import POSTGRES
from usertrack.core.table import Table
from usertrack.library.library import Statement

ABOUT_POSTGRES = Statement(
    POSTGRES,
    "SELECT split_part(version(), ' ', 2) AS version, current_database() AS database, current_user AS role, "
    "has_database_privilege(current_database(), 'CREATE') AS may_write",
    name="Postgres",
    limit=1,
)


def postgres_findings(answer: Table) -> list[Finding]:
    """Return findings on what answered `ABOUT_POSTGRES`, and as whom."""
    version, database, role, may_write = answer.rows[0]
    text = f"{version}, database {database}, role {role}, session read-only, {1000 * answer.elapsed:.0f} ms away"
    findings = [Finding("ok", "Postgres", text)]
    if may_write:
        text, hint = f"{role} could write; usertrack never does", "a role with SELECT alone is safer"
        findings.append(Finding("note", "Postgres role", text, hint))
    return findings
