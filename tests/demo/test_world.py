"""The default world: what the people who live in it do, asked in plain SQL of both engines."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from .conftest import AS_OF, World

NOW = AS_OF.replace(tzinfo=None)
SEED_QUERIES = re.findall(r"^-- (.+)\n([^;]+);", (Path(__file__).parent / "seed_neon.sql").read_text(), re.MULTILINE)
RUNS = "fastapi_run r JOIN fastapi_user f ON f.id = r.user_id JOIN wasp_user w ON w.id = f.wasp_user_id"
PERSON_EMAIL = "lower(toString(p.properties.email))"
EVENTS_OF_PERSONS = "posthog.events AS e JOIN posthog.persons AS p ON p.id = e.person_id"
ACCOUNTS = """
WITH runs AS (
    SELECT f.wasp_user_id AS id, count(*) AS runs, count(*) FILTER (WHERE run_state = 'completed') AS completed,
        count(*) FILTER (WHERE run_state = 'failed') AS failed
    FROM fastapi_run r JOIN fastapi_user f ON f.id = r.user_id GROUP BY 1
), active AS (
    SELECT wasp_user_id AS id FROM fastapi_user f JOIN fastapi_tool_executions t ON t.user_id = f.id::text
    WHERE t.created_at > {week}
    UNION
    SELECT wasp_user_id FROM fastapi_user f JOIN fastapi_code_execution c ON c.user_id = f.id
    WHERE c.created_at > {week}
    UNION
    SELECT user_id FROM wasp_agentexecution WHERE started_at > {week}
    UNION
    SELECT id FROM wasp_user WHERE last_active_timestamp > {week}
)
SELECT lower(email), credits, coalesce(subscription_status, '') = 'active', created_at <= {week},
    coalesce(completed, 0), coalesce(failed, 0), coalesce(runs, 0), active.id IS NOT NULL
FROM wasp_user w LEFT JOIN runs ON runs.id = w.id LEFT JOIN active ON active.id = w.id
WHERE coalesce(lower(email), '') !~ '[@.]datagen\\.dev$'
"""


def number_of(rows: list) -> int:
    return int(rows[0][0])


def emails(rows: list) -> set[str]:
    return {row[0] for row in rows}


@pytest.mark.slow
def test_sizes(world: World) -> None:
    assert number_of(world.postgres("SELECT count(*) FROM wasp_user")) == 2000
    assert 80_000 < number_of(world.posthog("SELECT count() FROM posthog.events")) < 150_000


def test_nothing_after_as_of_or_before_the_window(world: World) -> None:
    first, last, received = world.posthog("SELECT min(timestamp), max(timestamp), max(created_at) FROM posthog.events")[
        0
    ]
    assert NOW - timedelta(days=120) <= datetime.fromisoformat(first)
    assert max(datetime.fromisoformat(last), datetime.fromisoformat(received)) <= NOW
    columns = world.postgres(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type LIKE 'timestamp%'"
    )
    assert len(columns) == 10
    for table, column in columns:
        earliest, latest = world.postgres(f"SELECT min({column}), max({column}) FROM {table}")[0]
        assert NOW - timedelta(days=120) <= earliest <= latest <= NOW, (table, column)


def test_day_90_of_the_first_signups_is_over(world: World) -> None:
    signed_up = "SELECT person_id, min(timestamp) AS at FROM posthog.events WHERE event = 'user_signed_up' GROUP BY 1"
    [[people, came_back]] = world.posthog(
        "SELECT uniqExact(person_id), uniqExactIf(person_id, dateDiff('day', at, timestamp) = 90)"
        f" FROM posthog.events JOIN ({signed_up} HAVING at < '{NOW - timedelta(days=91)}') AS born USING (person_id)"
    )
    assert int(people) > 100
    assert int(came_back) > 2


def test_postgres_timestamps_have_no_zone(world: World) -> None:
    columns = "information_schema.columns WHERE table_schema = 'public' AND column_name LIKE '%_at'"
    assert emails(world.postgres(f"SELECT DISTINCT data_type FROM {columns}")) == {"timestamp without time zone"}


def test_persons_exist_for_every_event_and_distinct_id(world: World) -> None:
    persons = "(SELECT id FROM posthog.persons)"
    assert number_of(world.posthog(f"SELECT count() FROM posthog.events WHERE person_id NOT IN {persons}")) == 0
    assert (
        number_of(world.posthog(f"SELECT count() FROM posthog.person_distinct_ids WHERE person_id NOT IN {persons}"))
        == 0
    )
    assert (
        number_of(
            world.posthog(
                "SELECT count() FROM posthog.events WHERE (distinct_id, person_id) NOT IN"
                " (SELECT distinct_id, person_id FROM posthog.person_distinct_ids)"
            )
        )
        == 0
    )
    assert world.posthog("SELECT DISTINCT version FROM posthog.persons") == [["1"]]
    assert number_of(world.posthog("SELECT count() - uniqExact(uuid) FROM posthog.events")) == 0


def test_most_persons_are_anonymous(world: World) -> None:
    share = world.posthog("SELECT avg(p.properties.email IS NULL) FROM posthog.persons AS p")
    assert 0.7 < float(share[0][0]) < 0.9


def test_a_visitor_who_signs_up_keeps_one_person_across_both_ids(world: World) -> None:
    rows = world.posthog(
        "SELECT uniqExact(distinct_id), groupUniqArray(event) FROM posthog.events AS e"
        f" JOIN posthog.persons AS p ON p.id = e.person_id WHERE {PERSON_EMAIL} = 'omar@acme.example'"
    )
    assert rows[0][0] == "2"
    assert "$identify" in rows[0][1]


def test_session_ids_begin_with_their_start(world: World) -> None:
    rows = world.posthog(
        "SELECT `$session_id`, toUnixTimestamp64Milli(toDateTime64(min(timestamp), 3)) FROM posthog.events"
        " WHERE `$session_id` != '' AND event = '$pageview' GROUP BY 1 ORDER BY 1 LIMIT 50"
    )
    for session, started in rows:
        assert session[14] == "7"
        assert int(session.replace("-", "")[:12], 16) == int(started)


def test_sessions_have_no_pause_of_half_an_hour(world: World) -> None:
    rows = world.posthog(
        "SELECT max(arrayMax(arrayDifference(times))) FROM ("
        " SELECT arraySort(groupArray(toUnixTimestamp(timestamp))) AS times"
        " FROM posthog.events WHERE `$session_id` != '' GROUP BY `$session_id`)"
    )
    assert number_of(rows) < 1800


def test_people_work_on_weekdays_by_day(world: World) -> None:
    days = dict(world.posthog("SELECT toDayOfWeek(timestamp), count() FROM posthog.events GROUP BY 1"))
    assert int(days["6"]) + int(days["7"]) < int(days["2"])
    hours = dict(world.posthog("SELECT toHour(timestamp), count() FROM posthog.events GROUP BY 1"))
    assert int(hours["15"]) > 2 * int(hours["4"])


def test_signups_grow(world: World) -> None:
    months_ago = "least(3, extract(day FROM '2026-11-20 09:00' - created_at)::int / 30)"
    signups = dict(world.postgres(f"SELECT {months_ago}, count(*) FROM wasp_user GROUP BY 1"))
    assert signups[0] > signups[1] > signups[2] > signups[3] > 0


def test_onboarding_loses_people_at_every_step(world: World) -> None:
    steps = ["user_signed_up", "onboarding_started", "workspace_created", "first_item_created", "onboarding_completed"]
    people = dict(world.posthog("SELECT event, uniqExact(person_id) FROM posthog.events GROUP BY event"))
    counts = [int(people[step]) for step in steps]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] > 0.2 * counts[0]


@pytest.mark.parametrize(
    ("event", "properties"),
    [
        ("mcp_connect_clicked", ["template_name", "template_id", "has_oauth", "$session_id"]),
        (
            "$pageview",
            ["$pathname", "$current_url", "$referring_domain", "$referrer", "$geoip_country_code", "$browser"],
        ),
        ("$exception", ["$exception_message", "$exception_list", "$pathname"]),
        ("$rageclick", ["$pathname"]),
        ("feature_used", ["feature", "category", "duration"]),
    ],
)
def test_events_carry_their_properties(world: World, event: str, properties: list[str]) -> None:
    has = ", ".join(f"has(JSONAllPaths(properties), '{name}')" for name in properties)
    assert world.posthog(f"SELECT DISTINCT {has} FROM posthog.events WHERE event = '{event}'") == [
        ["1"] * len(properties)
    ]


def test_server_events_have_no_session(world: World) -> None:
    rows = world.posthog("SELECT DISTINCT event FROM posthog.events WHERE `$session_id` = ''")
    assert emails(rows) >= {"run_completed", "api_call_made"}


def test_property_definitions(world: World) -> None:
    rows = world.posthog(
        "SELECT name, property_type FROM posthog.property_definitions FINAL"
        " WHERE type = 'event' AND name IN ('duration', 'has_oauth', '$pathname') ORDER BY name"
    )
    assert rows == [["$pathname", "String"], ["duration", "Numeric"], ["has_oauth", "Boolean"]]


def test_who_is_in_only_one_source(world: World) -> None:
    accounts = emails(world.postgres("SELECT lower(email) FROM wasp_user WHERE email IS NOT NULL"))
    persons = emails(world.posthog(f"SELECT {PERSON_EMAIL} FROM posthog.persons AS p WHERE is_identified"))
    assert 0.1 < len(accounts - persons) / len(accounts) < 0.2
    assert 20 < len(persons - accounts) < 80


def test_ambiguous_people(world: World) -> None:
    cased = world.postgres("SELECT lower(email) FROM wasp_user GROUP BY 1 HAVING count(DISTINCT email) > 1")
    assert "lena@northwind.example" in emails(cased)
    assert len(cased) >= 10
    persons = "posthog.persons AS p WHERE p.properties.email IS NOT NULL"
    assert len(world.posthog(f"SELECT {PERSON_EMAIL} AS email FROM {persons} GROUP BY email HAVING count() > 1")) >= 30


def test_an_unused_second_backend_user(world: World) -> None:
    rows = world.postgres(
        "SELECT f.wasp_user_id FROM fastapi_user f LEFT JOIN fastapi_run r ON r.user_id = f.id"
        " GROUP BY 1 HAVING count(DISTINCT f.id) = 2 AND count(DISTINCT r.user_id) = 1"
    )
    assert len(rows) >= 10


def test_unknowns(world: World) -> None:
    def accounts(condition: str) -> int:
        return number_of(world.postgres(f"SELECT count(*) FROM wasp_user WHERE {condition}"))

    assert 3 <= accounts("email IS NULL") <= 10
    assert 10 <= accounts("credits IS NULL") <= 40
    assert accounts("subscription_status IS NULL") > 1500
    assert 40 <= accounts("subscription_status = 'active'") <= 150


def test_staff_and_contractors(world: World) -> None:
    rows = emails(world.postgres("SELECT email FROM wasp_user WHERE lower(email) ~ '[@.]datagen\\.dev$'"))
    assert {"Ops@DataGen.dev", "qa@staging.datagen.dev", "sam@contractors.datagen.dev"} < rows


def test_api_users_call_tools_but_never_run_or_look(world: World) -> None:
    callers = world.postgres(
        "SELECT lower(w.email) FROM wasp_user w JOIN fastapi_user f ON f.wasp_user_id = w.id"
        " JOIN fastapi_tool_executions t ON t.user_id = f.id::text"
        " WHERE NOT EXISTS (SELECT FROM fastapi_run r WHERE r.user_id = f.id) GROUP BY 1 HAVING count(*) >= 10"
    )
    viewers = world.posthog(f"SELECT DISTINCT {PERSON_EMAIL} FROM {EVENTS_OF_PERSONS} WHERE event = '$pageview'")
    assert len(emails(callers) - emails(viewers)) > 30


def test_tool_calls_of_deleted_accounts(world: World) -> None:
    rows = world.postgres(
        "SELECT count(*) FROM fastapi_tool_executions t LEFT JOIN fastapi_user f ON f.id::text = t.user_id"
        " WHERE f.id IS NULL"
    )
    assert 10 <= number_of(rows) <= 200


def test_success_rate_without_the_failing(world: World) -> None:
    rows = world.postgres(
        "SELECT avg((run_state = 'completed')::int) FROM fastapi_run"
        " WHERE run_state IN ('completed', 'failed') AND user_id NOT IN ("
        " SELECT user_id FROM fastapi_run GROUP BY 1 HAVING count(*) > 5 AND avg((run_state = 'failed')::int) > 0.5)"
    )
    assert 0.83 < float(rows[0][0]) < 0.92


def test_run_states(world: World) -> None:
    states = {"completed", "failed", "running", "queued", "cancelled"}
    run_states = emails(world.postgres("SELECT DISTINCT run_state FROM fastapi_run"))
    assert states - {"running"} <= run_states <= states  # at this moment none may be
    assert world.postgres("SELECT DISTINCT run_state FROM fastapi_run WHERE run_error_log IS NOT NULL") == [("failed",)]


def test_failing_users_fail_for_one_reason(world: World) -> None:
    lena = "w.email = 'lena@northwind.example' AND run_state = 'failed'"
    logs = [log for (log,) in world.postgres(f"SELECT run_error_log FROM {RUNS} WHERE {lena}")]
    same = [log for log in logs if log.startswith("Modal OOM (rc=137)")]
    assert len(same) > 0.6 * len(logs)
    assert len(set(same)) == len(same)


def test_omar_clicked_and_still_holds_his_credits(world: World) -> None:
    omar = "omar@acme.example"
    assert world.postgres(f"SELECT credits FROM wasp_user WHERE email = '{omar}'") == [(100,)]
    assert world.postgres(f"SELECT FROM {RUNS} WHERE w.email = '{omar}'") == []
    theirs = f"{PERSON_EMAIL} = '{omar}' AND event = 'mcp_connect_clicked'"
    assert number_of(world.posthog(f"SELECT count() FROM {EVENTS_OF_PERSONS} WHERE {theirs}")) >= 1


def test_incident(world: World) -> None:
    def between(opened: str, closed: str) -> tuple[int, int, int]:
        return world.postgres(
            "SELECT count(DISTINCT user_id), count(*), count(*) FILTER (WHERE run_error_log LIKE 'Modal OOM (rc=137)%')"
            f" FROM fastapi_run WHERE created_at >= '{opened}' AND created_at < '{closed}'"
        )[0]

    users, runs, struck = between("2026-11-09 13:00", "2026-11-09 16:00")
    assert users >= 20
    assert struck > 0.85 * runs
    _, runs, struck = between("2026-11-10 13:00", "2026-11-10 16:00")
    assert struck < 0.2 * runs


def test_segments_have_their_sizes(world: World) -> None:
    week, month = (f"'{NOW - timedelta(days=days)}'" for days in (7, 30))
    acts = world.posthog(
        f"SELECT {PERSON_EMAIL}, countIf(event = 'mcp_connect_clicked' AND timestamp > {month}),"
        f" countIf(event IN ('$rageclick', '$exception') AND timestamp > {week}), countIf(timestamp > {week})"
        f" FROM {EVENTS_OF_PERSONS} WHERE p.properties.email IS NOT NULL GROUP BY 1"
    )
    seen = {email: (int(clicks), int(anger), int(recent)) for email, clicks, anger, recent in acts}
    sizes = dict.fromkeys(("failing", "frustrated", "high_intent", "at_risk", "power"), 0)
    for email, held, paying, old, completed, failed, runs, active in world.postgres(ACCOUNTS.format(week=week)):
        clicks, anger, recent = seen.get(email, (0, 0, 0))
        sizes["failing"] += runs > 5 and completed < failed
        sizes["frustrated"] += anger > 0
        sizes["high_intent"] += clicks > 0 and held == 100 and not paying
        sizes["at_risk"] += old and runs == 0 and not active and not recent
        sizes["power"] += runs > 5 or (held is not None and held < 50)
    targets = {"failing": 30, "frustrated": 60, "high_intent": 75, "at_risk": 400, "power": 190}
    assert [name for name, target in targets.items() if not 0.6 * target <= sizes[name] <= 1.4 * target] == [], sizes


def test_strangers_are_data(world: World) -> None:
    rows = dict(world.postgres("SELECT email, name FROM wasp_user"))
    assert rows["siobhan.o'brien@acme.example"] == "Siobhán O'Brien"
    assert rows["markup@umbra.example"] == "[red]Bobby[/red] [/red]"
    assert rows["formula@initech.example"].startswith("=HYPERLINK(")
    assert rows["party@hooli.example"] == "🎉 Zoë 👩\u200d💻"
    assert rows["noor@lumen.example"] == "نور الهدى"
    assert "grace+beta@globex.example" in rows
    escapes = "run_error_log LIKE E'%\\x1b[31m%' AND run_error_log LIKE '%\\%s {}%'"
    assert len(world.postgres(f"SELECT FROM fastapi_run WHERE {escapes}")) > 3
    names = emails(world.posthog("SELECT toString(p.properties.name) FROM posthog.persons AS p WHERE is_identified"))
    assert names > {"🎉 Zoë 👩\u200d💻", "[red]Bobby[/red] [/red]", "نور الهدى"}


def test_there_is_a_secret_to_leak(world: World) -> None:
    assert number_of(world.postgres("SELECT count(DISTINCT password_hash) FROM wasp_user")) == 2000


@pytest.mark.parametrize(("title", "sql"), SEED_QUERIES[:-1], ids=[title for title, _ in SEED_QUERIES[:-1]])
def test_queries_of_the_seed_run_as_written(world: World, title: str, sql: str) -> None:
    sql = sql.replace("{EMAIL}", "lena@northwind.example").replace("{TOOL_NAME}", "linear_create_issue")
    assert world.postgres(sql.replace("NOW()", f"timestamptz '{AS_OF}'"))


def test_the_one_query_of_the_seed_that_no_schema_can_run(world: World) -> None:
    with pytest.raises(psycopg.errors.GroupingError):
        world.postgres(SEED_QUERIES[-1][1])


def test_scratch_is_gone(world: World) -> None:
    assert world.posthog("SELECT name FROM system.databases WHERE name = 'world'") == []
    assert world.posthog("SELECT name FROM system.functions WHERE origin = 'SQLUserDefined'") == []
