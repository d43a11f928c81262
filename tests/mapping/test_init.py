"""`usertrack init --from-database`: what it asks, shows and writes, and what it leaves alone."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from usertrack.library.entities import KINDS
from usertrack.library.library import shipped_root
from usertrack.mapping.catalog import DatabaseTable
from usertrack.mapping.labels import guessed_labels
from usertrack.mapping.proposal import Proposal
from usertrack.mapping.select import Select
from usertrack.mapping.thresholds import thresholds, with_thresholds, without_expansion, without_facts
from usertrack.segments.rules import read_rules
from usertrack.workspace.profiles import Profile, profiles_folder, save_profile

from ..conftest import Cli
from ..people import Company, ago, office, served
from .conftest import Reader, at_a_terminal, schema


@pytest.fixture
def acme(cli: Cli, reader: Reader, tmp_path: Path) -> Path:
    reader(schema("django"))
    return tmp_path / "acme"


def init(cli: Cli, *options: str) -> tuple[int, str, str]:
    answer = cli("init", "acme", "--from-database", *options)
    return answer.code, answer.out, answer.err


def test_nothing_is_written_unasked(cli: Cli, acme: Path) -> None:
    code, out, err = init(cli)
    assert code == 0
    assert "table       renders_renderjob, " in out
    assert "Five rows" not in out
    assert "this would write tables/neon/accounts.sql, tables/neon/runs.sql, usertrack.yaml and segments.yaml" in err
    assert not acme.exists()


def test_at_a_terminal_anything_can_be_refused(acme: Path) -> None:
    seen = at_a_terminal(
        "no", "yes", "auth_group", "django_migrations", "none", "next", "billing_invoice", "yes", "-", "no"
    )
    assert "runs: is this right? yes, next, none, a table by number or name, or PART=[TABLE.]COLUMN [yes]:" in seen
    assert "no table 'auth_group' can be read" in seen
    assert "PostHog is not connected. Is all that you have in Postgres? [yes]:" in seen
    assert "nothing in django_migrations leads to an account" in seen
    assert "Five rows" not in seen
    runs = (acme / "tables/neon/runs.sql").read_text()
    assert "FROM billing_invoice AS i" in runs
    assert "-- # the words of `status` were not read: the common ones stand in `states`" in runs
    assert (acme / "usertrack.yaml").read_text().endswith("  deployments: none\n  agent_runs: none\n")


def test_values_are_masked(cli: Cli, acme: Path) -> None:
    _, out, _ = init(cli, "--yes")
    proposal = out.split("Segments on")[0]
    assert "a…@a…" in proposal
    assert not {"ada", "Ada", "GPU"} & set(proposal.replace("@", " ").split())
    assert "ada@acme.example" in init(cli, "--show-values", "--yes")[1].split("Segments on")[0]


def test_what_is_no_word_of_a_status_is_in_no_file(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    words = ("done", "mo@acme.example", "it''s \n-- odd", "parked")
    rows = ", ".join(f"({number}, 1, '{word}', now())" for number, word in enumerate(words))
    reader(
        "CREATE TABLE users (id int PRIMARY KEY, email text, created_at date);"
        "CREATE TABLE jobs (id int PRIMARY KEY, user_id int REFERENCES users, status text, created_at date);"
        f"INSERT INTO users VALUES (1, 'ada@acme.example', now()); INSERT INTO jobs VALUES {rows}"
    )
    init(cli, "--yes")
    text = (tmp_path / "acme/tables/neon/runs.sql").read_text()
    assert "ok: [done]" in text
    assert "what is meant by `parked` is open" in text
    assert "mo@" not in text
    assert "odd" not in text


def test_again_nothing_that_was_edited_is_changed(cli: Cli, acme: Path) -> None:
    init(cli, "--yes")
    edited = [acme / "tables/neon/runs.sql", acme / "segments.yaml"]
    for path in edited:
        path.write_text(path.read_text() + "\n")
    before = {path: path.read_bytes() for path in acme.rglob("*") if path.is_file()}
    _, _, err = init(cli, "--yes", "--no-values")
    assert {path: path.read_bytes() for path in acme.rglob("*") if path.is_file()} == before
    for name in ("runs.sql", "segments.yaml"):
        assert f"{name} as it is: it differs from what would be written" in err
    assert "unchanged: acme/tables/neon/accounts.sql" in err


@pytest.mark.parametrize(
    ("before", "added"),
    [
        (
            "timezone: UTC # ours",
            "\n\nlabels:  # a guess from the names of your tables: what these are called here\n  run: job\n"
            "\ntables:  # what is not here: what rests on it is left out\n  calls: none\n",
        ),
        ("tables: {deployments: none}\n", ""),
    ],
)
def test_settings_are_appended(cli: Cli, acme: Path, before: str, added: str) -> None:
    acme.mkdir()
    (acme / "usertrack.yaml").write_text(before)
    _, _, err = init(cli, "--yes", "--no-values")
    assert (acme / "usertrack.yaml").read_text().startswith(before + added)
    assert ("it differs" in err) == (not added)


@pytest.mark.slow
def test_events_of_roles(
    cli: Cli, acme: Path, clean_env: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    company = Company()
    ada = company.person("ada@acme.example")
    for event in ("Account Created", "Signed Up", "onboarding_completed", "$rageclick", "$pageview"):
        company.event(ada, event, ago(3))
    with office(tmp_path_factory.mktemp("office"), company) as opened, served(opened) as environment:
        for name in ("POSTHOG_HOST", "POSTHOG_PROJECT_ID", "POSTHOG_PERSONAL_API_KEY"):
            clean_env.setenv(name, environment[name])
        code, out, err = init(cli, "--yes", "--no-values")
    assert code == 0, err
    assert "signed_up Signed Up (1 person, 1 time) (the event of a signup: cohorts begin with it)" in " ".join(
        out.split()
    )
    assert (
        (acme / "usertrack.yaml")
        .read_text()
        .endswith(
            "events:  # what the library calls them, and what they are called here\n"
            '  signed_up: "Signed Up"\n  connect_clicked: none\n  setup_done: onboarding_completed\n'
            "  feature_used: none\n  exception: none\n"
        )
    )


@pytest.mark.slow
def test_postgres_alone_is_said_until_posthog_is_connected(
    cli: Cli, acme: Path, clean_env: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    code, out, _ = init(cli, "--yes", "--no-values")
    written = (acme / "usertrack.yaml").read_text()
    assert (code, "unknown" in out) == (0, False)
    assert "\nevents: none  # PostHog is not connected: " in written
    init(cli, "--yes", "--no-values")
    assert (acme / "usertrack.yaml").read_text() == written
    with office(tmp_path_factory.mktemp("office"), Company()) as opened, served(opened) as environment:
        for name in ("POSTHOG_HOST", "POSTHOG_PROJECT_ID", "POSTHOG_PERSONAL_API_KEY"):
            clean_env.setenv(name, environment[name])
        init(cli, "--yes", "--no-values")
    assert (acme / "usertrack.yaml").read_text() == written[: written.index("\nevents: none")]


def test_posthog_alone(
    cli: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    company = Company()
    company.event(company.person("ada@acme.example"), "$rageclick", ago(1))
    with office(tmp_path_factory.mktemp("office"), company) as opened, served(opened) as environment:
        for name in ("POSTHOG_HOST", "POSTHOG_PROJECT_ID", "POSTHOG_PERSONAL_API_KEY", "USERTRACK_AS_OF"):
            clean_env.setenv(name, environment[name])
        code, out, err = init(cli, "--yes")
    assert code == 0, err
    assert "Frustrated Users" in out
    assert "$rageclick (1 person, 1 time), as usual  (clicks in anger)" in out
    assert "\ntables: none  # Postgres is not connected: " in (tmp_path / "acme/usertrack.yaml").read_text()


WORKSPACES = """
CREATE TABLE workspaces (
    id uuid PRIMARY KEY, name text, slug text UNIQUE, plan text DEFAULT 'pro', mrr_cents int DEFAULT 900
);
CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE memberships (
    id serial PRIMARY KEY, workspace_id uuid NOT NULL REFERENCES workspaces, user_id int NOT NULL REFERENCES users
);
INSERT INTO users (email) SELECT format('m%s@x.example', i) FROM generate_series(1, 3) AS i;
INSERT INTO workspaces
SELECT format('00000000-0000-0000-0000-00000000000%s', i)::uuid, (ARRAY['Blue', 'Blue', 'Red'])[i], 'ws-' || i
FROM generate_series(1, 3) AS i;
INSERT INTO memberships (workspace_id, user_id)
SELECT format('00000000-0000-0000-0000-00000000000%s', i)::uuid, i FROM generate_series(1, 3) AS i
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("groups", "matched", "note"),
    [
        (["00000000-0000-0000-0000-000000000001"], 1, "organizations are called by id, as PostHog's groups are"),
        pytest.param(
            ["ws-1", "ws-3"], 2, "organizations are called by slug, as PostHog's groups are", marks=pytest.mark.slow
        ),
        pytest.param(
            ["Blue", "Red"],
            2,
            "1 of workspaces share their name with another: they count as one",
            marks=pytest.mark.slow,
        ),
        (["acme"], 0, "no group of PostHog is an organization of workspaces by name, slug, id"),
    ],
)
def test_organizations_are_called_as_the_groups_are(
    cli: Cli, reader: Reader, clean_env: pytest.MonkeyPatch, tmp_path: Path, groups: list[str], matched: int, note: str
) -> None:
    reader(WORKSPACES)
    company = Company()
    for group in groups:
        at = datetime.now(UTC).replace(tzinfo=None) - timedelta(1)
        company.event(company.person("m1@x.example"), "$pageview", at, 1, **{"p_$group_0": group})
    with office(tmp_path / "office", company) as opened, served(opened) as environment:
        for name in ("POSTHOG_HOST", "POSTHOG_PROJECT_ID", "POSTHOG_PERSONAL_API_KEY"):
            clean_env.setenv(name, environment[name])
        code, _, err = init(cli, "--yes")
        assert (code, note in " ".join(err.split())) == (0, True), err
        listed = cli("segments", "--by", "organization", "-w", "acme", "-f", "json")
        assert listed.code == 0, listed.err
        answer = json.loads(listed.out)
    assert answer["match"]["matched"] == matched
    assert any("no organization of accounts is a group" in each for each in answer["notes"]) == (not matched)


@pytest.mark.slow
def test_a_deleted_account_is_nobody_to_act_on(
    cli: Cli, reader: Reader, clean_env: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reader(schema("rails"))
    company = Company()
    for name in ("gone", "ada"):
        company.event(
            company.person(f"{name}@acme.example"), "$rageclick", datetime.now(UTC).replace(tzinfo=None) - timedelta(1)
        )
    with office(tmp_path_factory.mktemp("office"), company) as opened, served(opened) as environment:
        for name in ("POSTHOG_HOST", "POSTHOG_PROJECT_ID", "POSTHOG_PERSONAL_API_KEY"):
            clean_env.setenv(name, environment[name])
        code, _, err = init(cli, "--yes")
        assert code == 0, err
        everybody = cli("segments", "--all-members", "-w", "acme", "-f", "json").out
        explanation = cli("explain", "gone@acme.example", "-w", "acme")
    assert json.loads(everybody)["match"] | {"deleted": 1, "posthog_only": 0} == json.loads(everybody)["match"]
    assert "ada@acme.example" in everybody
    assert "gone@" not in everybody
    assert (explanation.code, "the account was deleted" in explanation.err) == (2, True)


def test_without_a_database(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://127.0.0.1:9/shop\n")
    code, _, err = init(cli, "--yes")
    assert code == 2
    assert "error: there is no database to look into" in err
    assert "or in acme/.env; a role with SELECT is best" in err
    assert f"{tmp_path / '.env'} is not read: variables are the workspace's" in err


def test_with_a_profile(cli: Cli, clean_env: pytest.MonkeyPatch, reader: Reader, tmp_path: Path) -> None:
    clean_env.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    dsn = reader(schema("django"))
    clean_env.delenv("DATABASE_URL")
    save_profile(Profile("shop", None, None, dsn, "file", profiles_folder()), {"postgres.url": dsn})
    assert "name a profile with --profile: there is shop; or run" in init(cli, "--yes")[2]
    code, out, err = init(cli, "--yes", "--profile", "shop")
    assert (code, "Segments on" in out) == (0, True), err
    assert 'profile: "shop" ' in (tmp_path / "acme/usertrack.yaml").read_text()


def test_without_accounts(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader("CREATE TABLE members (ref text, gym text, joined date); CREATE TABLE people (id int PRIMARY KEY, x int)")
    code, _, err = init(cli, "--yes")
    assert code == 2
    assert "no accounts: everything else is about them; people has nothing for email" in err
    assert "fill in acme/tables/neon/accounts.sql.draft and name it accounts.sql" in err
    assert "p.id AS account_id" in (tmp_path / "acme/tables/neon/accounts.sql.draft").read_text()
    assert "  accounts: none\n" in (tmp_path / "acme/usertrack.yaml").read_text()


def test_without_accounts_runs_and_events_are_written(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader(
        "CREATE TABLE people (id int PRIMARY KEY, x int);"
        "CREATE TABLE jobs (id int PRIMARY KEY, ref int, status text, created_at date);"
        "CREATE TABLE app_events (id int PRIMARY KEY, user_id int, name text, created_at date, session_id text)"
    )
    assert init(cli, "--yes", "--no-values")[0] == 2
    assert "j.created_at AS at" in (tmp_path / "acme/tables/neon/runs.sql.draft").read_text()
    assert "FROM app_events AS e" in (tmp_path / "acme/tables/neon/events.sql").read_text()


def test_the_queries_of_an_own_workspace_name_no_server_of_the_demo(cli: Cli, reader: Reader) -> None:
    reader("CREATE TABLE users (id int PRIMARY KEY, email text, created_at date)")
    assert init(cli, "--yes", "--no-values")[0] == 0
    listed = cli("query", "list", "-w", "acme", "-f", "jsonl").out
    rows = [json.loads(line) for line in listed.splitlines()]
    shown = " ".join(str(value) for row in rows for name, value in row.items() if name != "name")
    assert not {"gmail", "slack", "linear"} & set(shown.lower().replace(",", " ").replace("=", " ").split())


def test_after_a_plain_init_errors_name_the_other_one(
    cli: Cli, reader: Reader, tmp_path: Path, clean_env: pytest.MonkeyPatch
) -> None:
    reader("CREATE TABLE users (id int PRIMARY KEY, email text, created_at date)")
    assert cli("init", "plain").code == 0
    clean_env.chdir(tmp_path / "plain")
    for command in (["segments"], ["doctor"], ["query", "run", "overview"], ["user", "ada@x.example"]):
        said = cli(*command)
        assert said.code != 0
        assert "usertrack init --from-database" in " ".join((said.out + said.err).split()), command


def test_accounts_with_a_key_of_several_columns(cli: Cli, reader: Reader) -> None:
    reader('CREATE TABLE users (tenant int, "No" int, email text, created_at date, PRIMARY KEY (tenant, "No"))')
    code, _, err = init(cli, "--yes")
    assert code == 2
    assert "users has a key of several columns (No, tenant), and an account needs one" in err
    assert """`concat_ws(':', "No", tenant) AS account_id`""" in err


NUMBERS = {
    "runs": {"people": 213, "median": 4, "many": 19, "success": 0.9, "first_days": 2.2},
    "credits": {"people": 500, "full": 250.0, "share": 0.61},
}


def test_a_reason_says_where_the_numbers_are_beyond_bounds() -> None:
    numbers = {"runs": {"people": 50, "median": 1, "many": 4, "success": 0.05, "first_days": 60}}
    reasons = [threshold.because for threshold in thresholds(numbers)]
    assert "half of the 50 people with runs have at least 1; the threshold stays between 2 and 20" in reasons
    assert "nine of ten who ever ran something did so within 61 d; the threshold stays between 2 and 30" in reasons


def test_thresholds_follow_the_numbers() -> None:
    text = with_thresholds((shipped_root() / "segments.yaml").read_text(), thresholds(NUMBERS))
    for line in (
        "        # half of the 213 people with runs have at least 4",
        "        when: finished_runs > 3 AND success_rate < 0.54",
        "        # 250 is the commonest balance: 61% of the accounts have it",
        "        when: mcp_clicks > 0 AND credits = 250 AND subscription_status IS DISTINCT FROM 'active'",
        "        # nine of ten who ever ran something did so within 3 d",
        "        # one in five of them has more than 19 runs",
        "        when: run_count > 19 OR credits < 125",
    ):
        assert f"{line}\n" in text
    assert "when: age_days >= 3 AND run_count = 0" in text


def test_of_few_people_nothing_is_learned() -> None:
    shipped = (shipped_root() / "segments.yaml").read_text()
    numbers = {name: row | {"people": 9} for name, row in NUMBERS.items()}
    assert with_thresholds(shipped, thresholds(numbers)) == shipped


def test_a_rule_goes_on_without_what_is_not_known_of_accounts() -> None:
    text = without_facts((shipped_root() / "segments.yaml").read_text(), ["credits", "subscription_status"])
    assert (
        "        # credits and subscription_status of accounts were not mapped when this was written; the whole rule: "
        "mcp_clicks > 0 AND credits = 100 AND subscription_status IS DISTINCT FROM 'active'\n        "
        "when: mcp_clicks > 0\n" in text
    )
    assert '"clicked connect {mcp_clicks}×[ ({mcp_servers})][; already used {tools_used}]' in text
    assert "        # credits of accounts was not mapped when this was written" in text
    assert "        when: run_count > 5\n" in text
    assert 'because: "ran {run_count}× ever[, last {run_idle_days} d ago]"' in text
    assert without_facts(text, ["credits", "subscription_status"]) == text


def test_rules_of_an_exclusive_set_lose_no_condition() -> None:
    shipped = (shipped_root() / "segments.yaml").read_text()
    offers = shipped[shipped.index("  offers:") : shipped.index("  organizations:")]
    assert offers in without_facts(shipped, ["credits", "subscription_status"])


def test_rules_of_organizations_lose_no_condition(tmp_path: Path) -> None:
    shipped = (shipped_root() / "segments.yaml").read_text()
    of_organizations = shipped.index("  organizations:")
    text = without_facts(shipped, ["revenue", "credits", "subscription_status"])
    assert text.endswith(shipped[of_organizations:])


def test_nobody_is_to_expand_where_the_plan_is_the_organizations(tmp_path: Path) -> None:
    text = without_expansion((shipped_root() / "segments.yaml").read_text())
    assert "      # no expansion: the plan is the organization's" in text
    (tmp_path / "segments.yaml").write_text(text)
    (organizations,) = read_rules(tmp_path / "segments.yaml").judging("organization").sets.values()
    assert [each.id for each in organizations.segments] == ["failing", "leaving", "champion", "team"]


@pytest.mark.parametrize(
    ("runs", "calls", "labels"),
    [
        ("builds", "api_requests", {"run": "build", "call": "request", "tool": "endpoint"}),
        ("WorkflowRun", "tool_calls", {}),
        ("pipeline_runs", "llm_calls", {"workflow": "pipeline", "tool": "model"}),
        ("job_history", "usage", {"run": "job"}),
        ("queries", "invocations", {"call": "invocation"}),
    ],
)
def test_labels_are_guessed_from_tables(runs: str, calls: str, labels: dict[str, str]) -> None:
    tables = {kind: DatabaseTable(1, "public", name, name) for kind, name in {"runs": runs, "calls": calls}.items()}
    proposals = [Proposal(KINDS[kind], Select(table), 1, []) for kind, table in tables.items()]
    assert guessed_labels(proposals) == labels
