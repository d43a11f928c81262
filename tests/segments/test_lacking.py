"""Tables that lack columns: what an entity selects of them is NULL, and every segment is judged all the same."""

from pathlib import Path

import psycopg
import pytest

from tests.people import Company, ago, office
from usertrack.core.table import Table
from usertrack.library.entities import KINDS, Entity
from usertrack.library.lacking import fitted
from usertrack.library.library import Library, shipped_root
from usertrack.library.sql import columns_of
from usertrack.segments.classify import classify
from usertrack.segments.explain import explain

BESIDE = {"wasp_user": ["name", "monthly_revenue", "organization"], "fastapi_run": ["id", "finished_at"]}
READINGS = {
    "columns of its queries": BESIDE | {"wasp_user": [*BESIDE["wasp_user"], "subscription_status"]},
    "no error text": BESIDE
    | {"fastapi_run": ["run_error_log"], "fastapi_tool_executions": ["error_type", "error_message"]},
}


def company() -> Company:
    rows = Company()
    rows.account("fails@x.example", runs={"completed": 2, "failed": 6})
    rows.account("clicks@x.example", credits=100, signed_up=ago(3))
    rows.account("idle@x.example", signed_up=ago(40))
    rows.event(rows.person("clicks@x.example"), "mcp_connect_clicked", ago(1), template_name="Gmail")
    rows.event(rows.person("clicks@x.example"), "$rageclick", ago(1))
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("reading", [*READINGS])
def test_every_segment_is_judged_without_the_columns_that_the_seed_does_not_list(reading: str, tmp_path: Path) -> None:
    with office(tmp_path, company()) as opened:
        with psycopg.connect(opened.dsn, autocommit=True) as connection:
            for table, columns in READINGS[reading].items():
                for column in columns:
                    connection.execute(f"ALTER TABLE {table} DROP COLUMN IF EXISTS {column} CASCADE".encode())
        with opened.profiles() as profiles:
            action = classify(profiles, profiles.rules.sets["action"])
            assert {count.segment.id: count.people for count in action.counts} == {
                "failing": 1,
                "frustrated": 1,
                "high_intent": 1,
                "at_risk": 1,
                "power": 1,
            }
            assert (profiles.incomplete, {count.unknown for count in action.counts}) == (False, {""})
            assert any("are read without" in note for note in profiles.notes)


@pytest.mark.slow
def test_a_table_without_times_leaves_those_undecided_who_are_in_it(tmp_path: Path) -> None:
    rows = company()
    rows.code(rows.account("codes@x.example", signed_up=ago(40)), ago(1))
    with office(tmp_path, rows) as opened:
        with psycopg.connect(opened.dsn, autocommit=True) as connection:
            connection.execute("ALTER TABLE fastapi_code_execution DROP COLUMN created_at")
        with opened.profiles() as profiles:
            action = profiles.rules.sets["action"]
            at_risk = classify(profiles, action).count("at_risk")
            assert (at_risk.people, at_risk.open) == (1, 1)
            assert at_risk.unknown == "code_runs have no time: there is no column c.created_at"
            verdicts = {each.segment.id: each for each in explain(profiles, action, "codes@x.example").verdicts}
            assert (verdicts["at_risk"].member, verdicts["power"].member) == (None, False)
            assert explain(profiles, action, "idle@x.example").members[0].id == "at_risk"


def test_a_query_over_a_table_without_times_says_so(tmp_path: Path) -> None:
    rows = company()
    rows.code(rows.account("codes@x.example", signed_up=ago(40)), ago(1))
    with office(tmp_path, rows) as opened:
        with psycopg.connect(opened.dsn, autocommit=True) as connection:
            connection.execute("ALTER TABLE fastapi_code_execution DROP COLUMN created_at")
        (tmp_path / "queries" / "neon").mkdir(parents=True)
        (tmp_path / "queries" / "neon" / "latest.sql").write_text(
            "-- title: t\nSELECT max(c.at)::text AS latest FROM {code_runs} AS c"
        )
        opened.library = Library([shipped_root() / "queries", tmp_path / "queries"])
        with opened.runner() as runner:
            (table,) = runner.run([runner.bind("neon/latest")])
            assert isinstance(table, Table)
            assert [tuple(row) for row in table.rows] == [("-infinity",)]
            assert table.notes == ("code_runs have no time (no column c.created_at is there): -infinity is unknown",)


TABLES = {"job": {"id", "owner", "label"}, "team": {"id", "boss"}}


def entity(sql: str) -> Entity:
    return Entity(KINDS["runs"], sql, tuple(columns_of(sql)))


@pytest.mark.parametrize(
    ("sql", "lacking"),
    [
        ("SELECT j.owner AS account_id, j.at, j.state AS status FROM job AS j", ["at", "status"]),
        ("SELECT owner AS account_id, began AS at, coalesce(state, label) AS status FROM job", ["at"]),
        ("SELECT t.boss AS account_id, j.label AS status FROM job AS j JOIN team AS t ON t.id = j.team", []),
        ("SELECT x.owner AS account_id, x.gone AS status FROM (SELECT * FROM job) AS x", []),
        ("SELECT j.nobody AS account_id, j.gone AS status FROM job AS j", []),
        ("SELECT o.owner AS account_id, o.gone AS status FROM elsewhere AS o", []),
        ('SELECT owner AS account_id, "Label" AS status, job AS error FROM job', ["status"]),
    ],
)
def test_what_an_entity_goes_on_without(sql: str, lacking: list[str]) -> None:
    found = fitted(entity(sql), TABLES)
    assert [*found.lacking] == lacking
    assert (found.sql == sql) is (not lacking)
    assert columns_of(found.sql) == columns_of(sql)
