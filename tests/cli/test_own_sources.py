"""The command line on somebody's own PostHog and Postgres: a company small enough to know everybody in it.

`USERTRACK_GOLDEN=write pytest tests/cli` writes the golden files anew.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ..conftest import Cli, CommandResult, slow_but
from ..people import Company, ago, office, served
from . import golden

LENA = "lena@northwind.example"


def northwind(company: Company) -> None:
    lena = company.account(LENA, name="Lena Park", credits=12, signed_up=ago(78), subscription="trial")
    for day in range(14):
        log = (
            f"Modal OOM (rc=137): container ta-{day:08x} killed after {day}00 ms\n  at main.py:3"
            if day < 11
            else "API timeout"
        )
        company.run(lena, "failed", ago(day / 2 + 0.01), log)
    for day in range(5):
        company.run(lena, "completed", ago(30 + day))
    company.run(lena, "running", ago(0, 60))
    for day in range(20):
        company.tool(
            lena,
            ago(day),
            "failed" if day % 5 == 0 else "success",
            error_message="invalid teamId 0a1b2c3d4e" if day % 5 == 0 else None,
        )
    company._add(
        "fastapi_deployment",
        user_id=lena,
        name="weekly_digest",
        description="Mails a digest",
        final_code="print(1)",
        created_at=ago(9),
    )
    browser = company.person(LENA)
    company.event(browser, "mcp_connect_clicked", ago(40), 2, template_name="Gmail")
    for minute in range(7):
        company.event(
            browser,
            "$pageview",
            ago(0, 60 * minute + 900),
            **{"p_$pathname": f"/workflows/{minute}", "p_$session_id": "s1"},
        )

    omar = "omar@acme.example"
    company.account(omar, name="Omar Haddad", credits=100, signed_up=ago(3))
    company.event(company.person(omar), "mcp_connect_clicked", ago(1), 3, template_name="Gmail")
    company.account("sleepy@acme.example", name="Sleepy", signed_up=ago(40))
    company.account("Twice@Acme.example", credits=40)
    company.account("twice@acme.example", credits=70)
    company.event(company.person("visitor@elsewhere.example"), "$rageclick", ago(2), **{"p_$pathname": "/pricing"})
    company.event(company.person(None), "$pageview", ago(2))
    company.account("boss@datagen.dev", runs={"failed": 9})
    company.account("%s{0}'`|🎉@umbra.example", name='=1+1 <b>|[/red]\x1b[31m"', runs={"failed": 6}, credits=None)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    company = Company()
    northwind(company)
    with office(tmp_path_factory.mktemp("northwind"), company) as opened, served(opened) as env:
        yield env


@pytest.fixture
def own(cli: Cli, clean_env: pytest.MonkeyPatch, environment: dict[str, str]) -> Cli:
    """A command, which never shows the password of an account."""
    for name, value in environment.items():
        clean_env.setenv(name, value)

    def run(*args: object) -> CommandResult:
        result = cli(*args)
        assert not re.search(r"\$2b\$|password_hash", result.out + result.err)
        return result

    return run


LOOKS = [("segments", 80), ("segments", 100), ("segments", 120), ("match", 100)]
LOOKS += [("explain", 80), ("explain", 100), ("user", 80), ("user", 120)]


@pytest.mark.parametrize(("command", "width"), slow_but([("explain", 80), ("user", 80)], LOOKS))
def test_looks(own: Cli, clean_env: pytest.MonkeyPatch, command: str, width: int) -> None:
    clean_env.setenv("COLUMNS", str(width))
    result = own(command, *([LENA] if command in ("explain", "user") else []))
    assert result.code == 0
    assert max(map(len, result.out.splitlines())) <= width
    golden(f"{command}-{width}.txt", result.out)


def test_document_of_segments(own: Cli) -> None:
    result = own("segments", "-f", "json")
    golden("segments.json", result.out)
    assert "demo" not in result.err


@pytest.mark.parametrize("fmt", slow_but(["json"], ["markdown", "json", "html"]))
def test_document_of_a_user(own: Cli, fmt: str) -> None:
    page = own("user", LENA, "-f", fmt).out
    golden(f"user.{fmt}", page.partition("</style>")[2].partition("<script>")[0] if fmt == "html" else page)


@pytest.mark.slow
def test_days_of_a_user_are_those_of_the_timezone(own: Cli) -> None:
    utc, kiritimati = (
        json.loads(own("user", LENA, "-f", "json", "--timezone", zone).out)["days"]
        for zone in ("UTC", "Pacific/Kiritimati")
    )
    assert utc[-1]["day"] == kiritimati[-1]["day"] == "2026-11-20"
    assert utc != kiritimati


@pytest.mark.slow
def test_document_of_an_explanation(own: Cli) -> None:
    golden("explain.json", own("explain", LENA, "-f", "json").out)
    golden("lifecycle-100.txt", own("explain", LENA, "--set", "lifecycle").out)


NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.mark.slow
def test_a_source_that_is_not_configured_is_absent(own: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.delenv("POSTHOG_HOST")
    clean_env.delenv("POSTHOG_PROJECT_ID")
    clean_env.delenv("POSTHOG_PERSONAL_API_KEY")
    clean_env.delenv("POSTHOG_PROJECT_TOKEN", raising=False)
    result = own("segments", "-f", "json")
    document = json.loads(result.out)
    counts = {segment["id"]: (segment["count"], segment["unknown"]) for segment in document["segments"]}
    assert (result.code, counts) == (0, {"failing": (2, None), "at_risk": (2, None), "power": (2, None)})
    assert "PostHog is not connected: people and rules rest on the other source alone" in document["notes"]
    assert any("cannot be evaluated here: Frustrated Users, High-Intent" in note for note in document["notes"])
    assert own("report", "weekly").code == own("user", LENA).code == own("explain", LENA).code == 0
    assert own("push", "at_risk", "--to", "csv", "-o", "x.csv").code == 0
    assert own("query", "run", "posthog/people").code == 3


def test_without_postgres(own: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("DATABASE_URL", NO_DATABASE)
    result = own("segments", "-f", "json")
    document = json.loads(result.out)
    assert result.code == 6
    counts = {segment["id"]: segment["count"] for segment in document["segments"]}
    # both who are known were there this week, so that nobody is at risk
    assert counts == {"failing": None, "frustrated": 1, "high_intent": None, "at_risk": 0, "power": None}
    assert [source["ok"] for source in document["sources"]] == [False, True]
    unknown = "Failing Users, High-Intent Prospects, Power Users: unknown, because cannot connect to"
    assert any(unknown in note for note in document["notes"])
    table = own("segments")
    assert table.code == 6
    assert ["Failing", "Users", "unknown"] in [line.split()[:3] for line in table.out.splitlines()]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTHOG_PERSONAL_API_KEY", "phx_wrong"),
        pytest.param("POSTHOG_HOST", "http://127.0.0.1:9", marks=pytest.mark.slow),
    ],
)
def test_without_posthog(own: Cli, clean_env: pytest.MonkeyPatch, name: str, value: str) -> None:
    clean_env.setenv(name, value)
    result = own("segments", "-f", "json")
    document = json.loads(result.out)
    assert result.code == 6
    counts = {segment["id"]: segment["count"] for segment in document["segments"]}
    assert counts == {"failing": 2, "frustrated": None, "high_intent": None, "at_risk": None, "power": 2}
    assert "phx_wrong" not in result.out + result.err
    explained = own("explain", LENA)
    assert explained.code == 6
    assert "unknown" in explained.out
    dossier = own("user", LENA)
    assert dossier.code == 6
    assert "Modal OOM" in dossier.out
    assert "unknown: MCP servers clicked, Sessions, 30 days" in dossier.out


def test_without_either(own: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("POSTHOG_PERSONAL_API_KEY", "phx_wrong")
    clean_env.setenv("DATABASE_URL", "postgresql://nobody:hunter2@127.0.0.1:9/none")
    result = own("segments")
    assert (result.code, result.out) == (3, "")
    assert "hunter2" not in result.err
    assert "hint: " in result.err


@pytest.mark.slow
def test_doctor(own: Cli, environment: dict[str, str]) -> None:
    result = own("doctor", "--verbose")
    assert result.code == 0
    assert "everything is in order" in result.out
    assert "environment, POSTHOG_PERSONAL_API_KEY" in result.out
    assert environment["POSTHOG_PERSONAL_API_KEY"] not in result.out
    assert environment["DATABASE_URL"] not in result.out


NOTES_ON_EVENTS = [
    ("events: {rage: none}", "`events.rage` is none, and $rageclick occurred 1 time"),
    ("events: none", "usertrack.yaml says `events: none`, and PostHog has events"),
    ("events: {rage: angry_click}", "; angry_click"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("setting", "note"), slow_but(NOTES_ON_EVENTS[1:2], NOTES_ON_EVENTS))
def test_doctor_on_what_is_said_of_events(own: Cli, tmp_path: Path, setting: str, note: str) -> None:
    (tmp_path / "usertrack.yaml").write_text(setting)
    assert note in " ".join(own("doctor").out.split())


@pytest.mark.slow
def test_doctor_with_one_source(own: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.delenv("DATABASE_URL")
    result = own("doctor")
    assert result.code == 0
    assert "Postgres not connected: what rests on it is left out" in " ".join(result.out.split())
    assert "set DATABASE_URL" in result.out


@pytest.mark.parametrize(
    ("command", "email", "suggestion"),
    [("explain", "lean@northwind.example", LENA), ("user", "OMAR@acme.exampel", "omar@acme.example")],
)
def test_somebody_unknown(own: Cli, command: str, email: str, suggestion: str) -> None:
    result = own(command, email)
    assert (result.code, result.out) == (2, "")
    assert f"error: nobody is known as '{email}'" in result.err
    assert suggestion in result.err.split("did you mean ")[1]


@pytest.mark.parametrize("command", ["explain", "user"])
def test_one_of_your_own_people(own: Cli, command: str) -> None:
    result = own(command, "Boss@datagen.dev")
    assert result.code == 2
    assert "it is one of your own people" in result.err


def test_spelling_does_not_matter(own: Cli) -> None:
    assert own("explain", " LENA@Northwind.example ").out.startswith(f" {LENA} is in Failing Users, Power Users")


@pytest.mark.parametrize("email", ["visitor@elsewhere.example", "sleepy@acme.example"])
def test_people_of_one_source_alone(own: Cli, email: str) -> None:
    result = own("user", email)
    assert result.code == 0
    golden(f"user-{email.split('@')[0]}-100.txt", result.out)


@pytest.mark.slow
@pytest.mark.parametrize("fmt", slow_but(["html"], ["table", "html"]))
def test_a_hostile_person(own: Cli, fmt: str) -> None:
    hostile = "%s{0}'`|🎉@umbra.example"
    for command in ("user", "explain"):
        result = own(command, hostile, "-f", fmt)
        assert result.code == 0
        assert "\x1b" not in result.out
        assert "🎉@umbra.example" in result.out
        assert fmt != "html" or "<b>|" not in result.out
    if fmt == "html":  # a dot for each segment, and for nothing else
        assert result.out.count('class="tag segment-') == 5


@pytest.mark.slow
def test_a_week_of_ones_own(own: Cli, clean_env: pytest.MonkeyPatch) -> None:
    assert own("report", "weekly", "-o", "week.html").code == 0
    clean_env.setenv("DATABASE_URL", NO_DATABASE)
    result = own("report", "weekly", "-f", "json")
    assert result.code == 6
    texts = [block.get("text") for section in json.loads(result.out)["sections"] for block in section["blocks"]]
    assert any(str(text).startswith("unknown: cannot connect to Postgres") for text in texts)
    assert own("report", "verify", "week.html").code == 2


@pytest.mark.slow
def test_what_a_source_that_is_missing_leaves_open_is_unknown(own: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("DATABASE_URL", NO_DATABASE)
    title = own("explain", LENA).out.splitlines()[0]
    assert "is in no segment for sure; unknown: Failing Users, Power Users" in title
    assert "not known whether in Failing Users (action)" in " ".join(own("user", LENA).out.split())
    met = own("match").out
    assert ["In", "both", "sources", "unknown"] in [line.split() for line in met.splitlines()]
    assert "Who is in only one of the two is unknown: cannot connect to Postgres" in met
    assert "none" not in met


@pytest.mark.slow
def test_one_cause_is_told_once(own: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("POSTHOG_PERSONAL_API_KEY", "phx_wrong")
    cause = "PostHog does not accept the personal API key"
    result = own("segments").err
    assert result.count(cause) == 1
    assert "Frustrated Users, High-Intent Prospects, At-Risk Users: unknown, because" in result
    checked = own("check", "--online")
    assert checked.out.count(cause) == 1
    assert " more" in checked.out
    assert "error: 1 problem found" in checked.err


MISSING = ("", 2, "PostHog needs a personal API key")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "alone", "cause"),
    slow_but([MISSING], [MISSING, ("phx_wrong", 3, "PostHog does not accept the personal API key")]),
)
def test_a_missing_key_is_as_a_revoked_one(
    own: Cli, clean_env: pytest.MonkeyPatch, key: str, alone: int, cause: str
) -> None:
    clean_env.setenv("POSTHOG_PERSONAL_API_KEY", key)
    result = own("segments")
    assert (result.code, cause in result.err, "Power Users" in result.out) == (6, True, True)
    assert own("query", "run", "neon/overview").code == 0
    for command in (["query", "run", "posthog/people"], ["insight", "list"]):
        result = own(*command)
        assert (result.code, f"error: {cause}" in result.err) == (alone, True)
    assert own("doctor").code == 5
    clean_env.delenv("DATABASE_URL")
    assert own("segments").code == alone


# Reports and history while a source is down

DOWN = "http://127.0.0.1:9"


@pytest.mark.slow
def test_a_report_says_what_is_unknown(own: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("POSTHOG_HOST", DOWN)
    result = own("report", "weekly", "--full", "-f", "json")
    document = json.loads(result.out)
    assert result.code == 6
    assert "note: This report is incomplete: cannot reach PostHog" in result.err
    assert document["incomplete"].startswith("This report is incomplete: cannot reach PostHog")
    sections = {section["heading"].split(":")[0]: section["blocks"] for section in document["sections"]}
    [facts] = [block["facts"] for block in sections["In short"] if "facts" in block]
    assert facts["Visits"].startswith("unknown: cannot reach PostHog")
    assert facts["New users"].startswith("0")
    assert "; 4 undecided: " in sections["Frustrated Users"][0]["text"]
    assert "unknown" not in str(sections["Failing Users"])
    page, *short = own("report", "weekly", "-f", "markdown").out.split("\n## ")
    assert "**This report is incomplete: cannot reach PostHog" in page
    assert "**Frustrated Users: unknown, because cannot reach PostHog" in "".join(short)


@pytest.mark.slow
def test_verifying_while_a_source_is_down(own: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert own("report", "weekly", "-o", "week.md").code == 0
    written = (tmp_path / "week.md").read_text()
    assert own("report", "verify", "week.md").code == 0
    clean_env.setenv("POSTHOG_PERSONAL_API_KEY", "phx_wrong")
    result = own("report", "verify", "week.md")
    assert (result.code, "the checked parts match" in result.out) == (6, True)
    assert "Traffic" in result.err
    (tmp_path / "week.md").write_text(written.replace("Failed runs: ", "Failed runs: 9"))
    assert own("report", "verify", "week.md").code == 5
    (tmp_path / "week.md").write_text(written)
    clean_env.setenv("DATABASE_URL", make_conninfo(os.environ["DATABASE_URL"], user="nobody_at_all"))
    assert own("report", "verify", "week.md").code == 3


@pytest.mark.slow
def test_an_outage_does_not_stand_for_its_day(own: Cli, clean_env: pytest.MonkeyPatch) -> None:
    own("segments", "--as-of", "2026-11-20T08:00")
    clean_env.setenv("POSTHOG_PERSONAL_API_KEY", "phx_wrong")
    assert own("segments", "--as-of", "2026-11-20T09:00").code == 6
    document = json.loads(own("history", "-f", "json").out)
    assert [snapshot["as_of"] for snapshot in document["snapshots"]] == ["2026-11-20T08:00:00Z"]
    assert document["notes"][0].startswith("20 Nov 2026, 09:00: incomplete, without Frustrated Users, High-Intent")
    assert own("history", "forget", "2026-11-20T09:00").code == 2  # nobody is there to be asked
    result = own("history", "forget", "2026-11-20T09:00", "--yes")
    assert (result.code, result.out) == (0, "")
    assert "forgot 1 snapshot of the set action: 20 Nov 2026, 09:00" in result.err
    assert not [note for note in json.loads(own("history", "-f", "json").out)["notes"] if "incomplete" in note]
    assert "there is no snapshot in this time" in own("history", "forget", "2026-11-20T09:00", "--yes").err


@pytest.mark.slow
def test_a_missing_table_is_told_once_with_the_file_that_names_it(own: Cli, environment: dict[str, str]) -> None:
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as database:
        database.execute("ALTER TABLE fastapi_run RENAME TO elsewhere")
        try:
            result = own("report", "weekly", "-f", "markdown")
            segments = own("segments", "failing")
        finally:
            database.execute("ALTER TABLE elsewhere RENAME TO fastapi_run")
    assert (result.code, segments.code) == (6, 6)
    assert "queries/neon" not in f"{result}{segments}"
    [warning] = [line for line in result.err.splitlines() if "This report is incomplete" in line]
    assert warning.count('relation "fastapi_run" does not exist') == 1
    assert "incomplete: tables/neon/runs.sql:17: relation" in warning
    assert "tables/neon/runs.sql:" in segments.out + segments.err


@pytest.fixture
def broken(own: Cli, tmp_path: Path) -> Cli:
    """The table of code executions cannot be read."""
    (tmp_path / "usertrack.yaml").write_text("timezone: UTC\n")
    (tmp_path / "tables/neon").mkdir(parents=True)
    entity = "-- title: code\nSELECT c.id AS account_id, c.at, c.status FROM gone AS c\n"
    (tmp_path / "tables/neon/code_runs.sql").write_text(entity)
    return own


@pytest.mark.slow
def test_of_a_broken_table_those_are_undecided_for_whom_it_decides(broken: Cli) -> None:
    answer = broken("segments", "-f", "json")
    document = json.loads(answer.out)
    at_risk = next(each for each in document["segments"] if each["id"] == "at_risk")
    assert (answer.code, at_risk["count"], "gone" in at_risk["unknown"]) == (6, None, True)
    assert [each["email"] for each in document["undecided"] if "at_risk" in each["segments"]] == [
        "sleepy@acme.example",
        "twice@acme.example",
    ]
    assert {each["unknown"] for each in document["segments"]} == {None, at_risk["unknown"]}
    listed = broken("segments", "at_risk", "--undecided").out
    assert "sleepy@acme.example" in listed
    assert "At-Risk Users" in listed
    assert LENA not in listed
    report = broken("report", "segment", "at_risk", "-f", "markdown").out
    assert "; 2 undecided: sleepy@acme.example, twice@acme.example" in report


@pytest.mark.slow
def test_an_explanation_does_not_contradict_itself(broken: Cli, clean_env: pytest.MonkeyPatch) -> None:
    verdicts = {each["id"]: each for each in json.loads(broken("explain", LENA, "-f", "json").out)["segments"]}
    assert (verdicts["at_risk"]["member"], verdicts["at_risk"]["unknown"]) == (False, None)
    of_sleepy = broken("explain", "sleepy@acme.example").out
    assert "unknown: At-Risk Users" in of_sleepy
    clean_env.setenv("COLUMNS", "240")
    shown = broken("explain", LENA).out
    assert re.search(r"last activity of any kind\s+\S+ Nov 2026 \S+ or later", " ".join(shown.split()))


@pytest.mark.slow
def test_who_is_decided_is_pushed_and_the_others_are_counted(broken: Cli) -> None:
    assert broken("push", "at_risk", "--to", "csv", "-o", "x.csv").code == 6
    assert broken("push", "failing", "--to", "csv", "-o", "x.csv").code == 0
    # how much they did is not known, and who might be a champion may be nothing less
    lifecycle = json.loads(broken("segments", "--set", "lifecycle", "-f", "json").out)
    counts = {each["id"]: (each["count"], each["undecided"]) for each in lifecycle["segments"]}
    assert counts["new"] == (1, 1)
    assert counts["champion"] == (None, 5)
