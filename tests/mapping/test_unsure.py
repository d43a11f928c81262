"""`init --from-database` where something is not found or not sure: it stays unknown, is asked about, or is offered."""

import json
import re
from pathlib import Path

import psycopg
import pytest

from ..conftest import Cli, document_of
from ..people import Company, ago, office, served
from .conftest import Reader, at_a_terminal

CONTACTS = """
CREATE TABLE customers (id int PRIMARY KEY, password text, last_seen timestamptz, reg text);
CREATE TABLE contact_points (
    id int PRIMARY KEY, customer_id int REFERENCES customers, kind text, value text, is_primary bool
);
CREATE TABLE jobs (
    id serial PRIMARY KEY, customer_id int REFERENCES customers, status text, created_at timestamptz DEFAULT now()
);
INSERT INTO customers VALUES (1), (2), (3);
INSERT INTO contact_points VALUES
    (1, 1, 'phone', '+49 30 1', true),
    (2, 1, 'mail', 'old@ada.example', false), (3, 1, 'mail', 'ada@ada.example', true),
    (4, 2, 'mail', 'ben@ben.example', NULL);
INSERT INTO jobs (customer_id, status) SELECT 1, 'done' FROM generate_series(1, 9);
"""
NAMELESS = """
CREATE TABLE users (id int PRIMARY KEY, nick text, password text, began_on date, who text);
CREATE TABLE jobs (id serial PRIMARY KEY, ref int, status text, created_at timestamptz DEFAULT now());
INSERT INTO users
SELECT i, 'n' || i, '', now() - interval '20 days', 'p' || i || '@x.example' FROM generate_series(1, 12) AS i;
INSERT INTO jobs (ref, status) SELECT i, 'passed' FROM generate_series(1, 11) AS i, generate_series(1, 3 + i);
"""


def init(cli: Cli, *options: str) -> str:
    answer = cli("init", "acme", "--from-database", *options)
    assert answer.code == 0, answer.err
    return answer.out + answer.err


def people(cli: Cli, *options: str) -> dict[str, list[str]]:
    listed = cli("segments", "--all-members", "-w", "acme", "-f", "jsonl", *options)
    rows = map(json.loads, listed.out.splitlines())
    return {str(person.get("email", person.get("account_id"))): person["segments"] for person in rows}


def test_a_sign_up_that_is_not_there_is_not_made_up(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader(CONTACTS)
    init(cli, "--yes")
    text = (tmp_path / "acme/tables/neon/accounts.sql").read_text()
    assert "no time of sign-up was found" in text
    assert "--     ? AS signed_up_at: when it was made\n" in text
    assert "epoch" not in text
    assert people(cli) == {"ada@ada.example": ["power"]}


def test_without_an_email_people_are_told_apart_by_their_account(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader(NAMELESS.replace("ref", "user_id"))
    init(cli, "--yes", "--no-values")
    assert "  key: account_id\n" in (tmp_path / "acme/segments.yaml").read_text()
    assert people(cli)["11"] == ["power"]


def test_what_leads_to_no_account_is_a_draft(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader(NAMELESS)
    said = init(cli, "--yes")
    assert "runs lack account_id: fill in acme/tables/neon/runs.sql.draft, name it runs.sql" in said
    draft = (tmp_path / "acme/tables/neon/runs.sql.draft").read_text()
    assert "--     ? AS account_id  (needed): the account that did it\n" in draft
    assert "\n    j.created_at AS at,\n" in draft
    assert "  runs: none\n" in (tmp_path / "acme/usertrack.yaml").read_text()


@pytest.mark.slow
def test_at_a_terminal_columns_are_asked_for(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader(NAMELESS)
    answers = ["no", "3", "1", "yes", "1", "yes", "-", "yes", "no", "q"]
    seen = at_a_terminal(*answers, options="--fit")
    assert "users: which column is email (the e-mail, by which PostHog's persons are found)?" in seen
    accounts = (tmp_path / "acme/tables/neon/accounts.sql").read_text()
    assert "u.who AS email" in accounts
    assert "j.ref AS account_id" in (tmp_path / "acme/tables/neon/runs.sql").read_text()
    assert "take the fitted ones? [yes]" in seen
    assert "        when: run_count > 5\n" in (tmp_path / "acme/segments.yaml").read_text()


def test_the_seeds_rules_stay_until_fitted_ones_are_wanted(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader(NAMELESS.replace("ref", "user_id"))
    said = init(cli, "--yes", "--no-values")
    rules = tmp_path / "acme/segments.yaml"
    assert "`usertrack init --from-database --fit` shows thresholds" in said
    assert "when: age_days >= 7 AND run_count = 0" in rules.read_text()
    before = rules.read_text()
    said = init(cli, "--yes", "--no-values", "--fit")
    row = next(line for line in said.splitlines() if line.split()[:1] == ["power"]).split("  ")
    assert [cell.strip() for cell in row if cell.strip()][1:5] == ["run_count > 5", "9", "run_count > 12", "2"]
    assert "        when: run_count > 12\n" in rules.read_text()
    assert before != rules.read_text()


@pytest.mark.slow
def test_the_doctor_lists_what_cannot_be_evaluated(cli: Cli, reader: Reader) -> None:
    reader(CONTACTS)
    cli("init", "acme")
    assert (
        "that is the demo's table: `usertrack init --from-database` proposes yours" in cli("segments", "-w", "acme").err
    )
    assert "cannot be evaluated here: Frustrated Users, High-Intent Prospects" in init(cli, "--yes")
    said = " ".join(cli("doctor", "-w", "acme").out.split())
    assert "segment at_risk cannot be evaluated: it rests on accounts.signed_up_at, absent here" in said
    assert "neon/first_run" in said
    assert "everything is in order" not in said
    assert (
        "segments and 4 metrics cannot be evaluated; `usertrack init --from-database` looks for what they need" in said
    )


def test_runs_are_the_table_that_is_named(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader(CONTACTS + "CREATE TABLE visits (id int PRIMARY KEY, customer_id int, state text, created_at timestamptz);")
    said = init(cli, "--yes", "--runs", "visits")
    assert "FROM visits AS v" in (tmp_path / "acme/tables/neon/runs.sql").read_text()
    assert "FROM jobs" not in said
    wrong = cli("init", "other", "--from-database", "--yes", "--runs", "visit")
    assert (wrong.code, "did you mean 'visits'" in wrong.err) == (2, True)


@pytest.mark.slow
def test_rows_of_which_nothing_says_how_they_ended_count(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader(
        CONTACTS
        + "CREATE TABLE notes (id int PRIMARY KEY, customer_id int REFERENCES customers, created_at timestamptz);"
        "INSERT INTO notes SELECT i, 2, now() FROM generate_series(1, 7) AS i"
    )
    said = init(cli, "--yes", "--runs", "notes")
    assert "nothing says how a row ended: all of them count, and none as finished or failed" in " ".join(said.split())
    assert people(cli) == {"ben@ben.example": ["power"]}
    checked = cli("check", "--online", "-w", "acme")
    assert ("100 % of 7 rows" in checked.out, checked.code) == (True, 0)


def test_the_first_candidates_are_shown_with_their_points(cli: Cli, reader: Reader) -> None:
    reader(CONTACTS + "CREATE TABLE builds (id int PRIMARY KEY, customer_id int, finished_at date, created_at date);")
    said = " ".join(init(cli).split())
    assert "1 jobs" in said
    assert "its name says build; it ends (finished)" in said


def test_a_number_that_is_no_time_is_no_sign_up(cli: Cli, reader: Reader) -> None:
    reader(
        "CREATE TABLE users (id int PRIMARY KEY, usr_email text, registered_us bigint);"
        "INSERT INTO users SELECT i, i || '@x.example', at FROM unnest(ARRAY[0, 20240131, 1700000000, 1700000000000,"
        "1700000000000000, 1700000000000000000]) WITH ORDINALITY AS t (at, i)"
    )
    cli("init", "acme", "--from-database", "--yes", "--no-values")
    sql = "SELECT account_id, to_char(signed_up_at, 'YYYY') AS year FROM {accounts} ORDER BY 1"
    listed = document_of(cli, "query", "run", "--source", "neon", "--sql", sql, "-w", "acme")
    assert [row["year"] for row in listed["rows"]] == [None, None, "2023", "2023", "2023", "2023"]


LATE_COLUMN = """
CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, password text, created_at timestamptz DEFAULT now());
CREATE TABLE projects (id int PRIMARY KEY, owner_id int NOT NULL REFERENCES users);
CREATE TABLE runs (
    id int PRIMARY KEY, project_id int NOT NULL REFERENCES projects, user_id int REFERENCES users,
    status text, created_at timestamptz DEFAULT now()
);
INSERT INTO users SELECT i, i || '@x.example' FROM generate_series(1, 4) AS i;
INSERT INTO projects SELECT i, i FROM generate_series(1, 4) AS i;
INSERT INTO runs SELECT i, 1 + i % 4, CASE WHEN i = 1 THEN 1 END, 'done' FROM generate_series(1, 40) AS i;
"""


@pytest.mark.parametrize("analyze", ["ANALYZE", ""])
def test_a_way_that_most_rows_cannot_take(cli: Cli, reader: Reader, analyze: str) -> None:
    reader(f"{LATE_COLUMN};{analyze}")
    said = init(cli, "--yes")
    runs = said[said.index("runs: what ends") :]
    assert ("confidence  low" in runs) == (not analyze)
    assert ("39 of 40 rows lead to no account" in runs) == (not analyze)
    checked = " ".join(cli("check", "--online", "-w", "acme").out.split())
    assert ("39 of 40 rows lead to no account, and count for nobody" in checked) == (not analyze)


NOTIFICATIONS = """
CREATE TABLE auth_user (id int PRIMARY KEY, email text, password text, date_joined timestamptz);
CREATE TABLE projects (id int PRIMARY KEY, owner_id int NOT NULL REFERENCES auth_user);
CREATE TABLE checks (id int PRIMARY KEY, project_id int NOT NULL REFERENCES projects, name text);
CREATE TABLE deliveries (
    id int PRIMARY KEY, check_id int NOT NULL REFERENCES checks, created timestamptz, status text, error text
);
INSERT INTO auth_user VALUES (1, 'ada@ada.example', '', now() - interval '9 days');
INSERT INTO projects VALUES (1, 1);
INSERT INTO checks VALUES (1, 1, 'cron');
INSERT INTO deliveries SELECT i, 1, now(), 'failed', 'x' FROM generate_series(1, 7) AS i;
"""


def test_a_run_three_keys_away_is_reached(cli: Cli, reader: Reader) -> None:
    reader(NOTIFICATIONS)
    init(cli, "--yes", "--runs", "deliveries")
    assert people(cli) == {"ada@ada.example": ["failing", "power"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("newest", "zone"), [("now() + interval '3 hours'", "Asia/Tokyo"), ("now() - interval '7 hours'", "unknown")]
)
def test_times_without_a_zone(cli: Cli, reader: Reader, tmp_path: Path, newest: str, zone: str) -> None:
    local = CONTACTS.replace("created_at timestamptz DEFAULT now()", f"created_at timestamp DEFAULT {newest}")
    with psycopg.connect(reader(""), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET TimeZone = 'Asia/Tokyo'".encode())
        connection.execute(f"SET TimeZone = UTC;{local};GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader".encode())
    said = init(cli, "--yes")
    assert "runs: at has no timezone, and the database is in Asia/Tokyo: the newest is" in said
    assert f"-- timezone: {zone}\n" in (tmp_path / "acme/tables/neon/runs.sql").read_text()
    warned = "its times have no timezone" in cli("check", "-w", "acme").out
    assert warned == (zone == "unknown")


@pytest.mark.slow
def test_the_events_part_is_added_once_posthog_is_there(
    cli: Cli, reader: Reader, clean_env: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reader(CONTACTS)
    init(cli, "--yes")
    before = {path: path.read_text() for path in (tmp_path / "acme").rglob("*") if path.is_file()}
    company = Company()
    for number in range(12):
        person = company.person(f"p{number}@x.example")
        company.event(person, "Account Created", ago(9))
        company.event(person, "upgrade.popup", ago(3))
        for _ in range(number if number > 3 else 0):
            company.event(person, "Report Exported", ago(2))
    with office(tmp_path / "office", company) as opened, served(opened) as environment:
        for name in ("POSTHOG_HOST", "POSTHOG_PROJECT_ID", "POSTHOG_PERSONAL_API_KEY", "USERTRACK_AS_OF"):
            clean_env.setenv(name, environment[name])
        said = " ".join(init(cli, "--yes").split())
        usage = people(cli, "--set", "usage")
        assert cli("check", "-w", "acme").code == 0
        again = init(cli, "--yes")
    after = {path: path.read_text() for path in before}
    changed = {path.name for path, text in after.items() if text != before[path]}
    assert changed == {"usertrack.yaml", "segments.yaml", "funnels.yaml"}
    assert "feature_used Report Exported (8 people, 60 times)" in said
    assert "connect_clicked upgrade.popup (12 people, 12 times)" in said
    assert "2 people in regular" in said, after[tmp_path / "acme/segments.yaml"][-900:]
    assert usage["p11@x.example"] == ["regular"]
    funnels = after[tmp_path / "acme/funnels.yaml"]
    assert '    - "Account Created"  # 12 people\n    - "Report Exported"  # 8 people\n' in funnels
    assert "wrote" not in again
    for text in after.values():
        assert not {"gmail", "linear", "mcp"} & set(text.lower().replace("_", " ").split())


WRONG_COLUMNS = """
CREATE TABLE users (
    id int PRIMARY KEY, email text, contact_mail text, password text, created_at timestamptz, born timestamptz
);
INSERT INTO users VALUES (1, 'wrong@x.example', 'ada@x.example', '', now(), now());
"""


@pytest.mark.slow
def test_at_a_terminal_a_wrong_column_is_replaced(reader: Reader, tmp_path: Path) -> None:
    reader(WRONG_COLUMNS)
    answers = ["no", "email=contact_mail", "signed_up_at=-", "name=nothing", "yes", "none", "yes", "-", "no", "q"]
    seen = at_a_terminal(*answers)
    written = (tmp_path / "acme/tables/neon/accounts.sql").read_text()
    assert "u.contact_mail AS email" in written
    assert "? AS signed_up_at" in written
    assert "no column 'nothing' can be read" in seen


@pytest.mark.slow
def test_at_a_terminal_each_role_is_asked_for(reader: Reader, clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reader(CONTACTS)
    company = Company()
    person = company.person("ada@ada.example")
    for event in ("came in", "upgrade.popup", "Report Exported", "Report Exported"):
        company.event(person, event, ago(2))
    answers = ["no", "none", "yes", "yes", "no", "came in", "", "-", "nothing", "1", "", "", "", "q"]
    with office(tmp_path / "office", company) as opened, served(opened) as environment:
        for name in ("POSTHOG_HOST", "POSTHOG_PROJECT_ID", "POSTHOG_PERSONAL_API_KEY"):
            clean_env.setenv(name, environment[name])
        seen = at_a_terminal(*answers)
    assert "there is no event 'nothing'" in seen
    written = (tmp_path / "acme/usertrack.yaml").read_text()
    assert '  signed_up: "came in"\n' in written
    assert '  connect_clicked: "upgrade.popup"\n  setup_done: none\n  feature_used: "Report Exported"\n' in written


MAILBOXES = """
CREATE TABLE customers (id int PRIMARY KEY, password text, reg text, born timestamptz);
CREATE TABLE mailboxes (id int PRIMARY KEY, customer_id int REFERENCES customers, address text, main bool, nick text);
CREATE TABLE rates (id int PRIMARY KEY, address text);
CREATE TABLE jobs (id int PRIMARY KEY, customer_id int, status text, created_at timestamptz DEFAULT now());
INSERT INTO customers VALUES (1), (2);
INSERT INTO mailboxes VALUES (1, 1, 'old@ada.example', false), (2, 1, 'ada@ada.example', true);
INSERT INTO jobs SELECT i, CASE WHEN i = 1 THEN 1 END, 'done' FROM generate_series(1, 9) AS i;
"""


@pytest.mark.slow
def test_at_a_terminal_a_column_of_another_table_is_taken(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader(MAILBOXES)
    answers = ["no", "none", "none", "email=rates.address", "email=mailboxes.nick", "email=1", "signed_up_at=1"]
    seen = at_a_terminal(*answers, "yes", "error=status", "yes", "-", "yes", "no", "q")
    assert re.search("or email=.* 1 mailboxes.address", seen)
    assert "no key links customers with rates: name a column of customers, mailboxes, jobs" in seen
    accounts = (tmp_path / "acme/tables/neon/accounts.sql").read_text()
    assert ("born AS signed_up_at" in accounts, accounts.count("FROM mailboxes")) == (True, 1)
    runs = (tmp_path / "acme/tables/neon/runs.sql").read_text()
    assert runs.count("8 of 9 rows lead to no account") == 1
    sql = "SELECT email FROM {accounts} WHERE account_id = 1"
    listed = document_of(cli, "query", "run", "--source", "neon", "--sql", sql, "-w", "acme")
    assert listed["rows"] == [{"email": "ada@ada.example"}]


def test_nobody_ran_nothing_for_an_empty_table(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader(LATE_COLUMN.replace("generate_series(1, 40)", "generate_series(1, 0)"))
    said = " ".join(init(cli, "--yes").split())
    assert re.search("table +runs, .*confidence +low", said)
    assert "runs is empty, and left out; `--runs runs` takes it all the same" in said
    assert "runs: none" in (tmp_path / "acme" / "usertrack.yaml").read_text()


PLANS = """
CREATE TABLE teams (id int PRIMARY KEY, name text, plan text);
CREATE TABLE users (id int PRIMARY KEY, email text, plan text, team_id int REFERENCES teams, created_at timestamptz);
INSERT INTO teams VALUES (1, 'Orbit', 'pro'), (2, 'Quill', 'free');
INSERT INTO users SELECT i, i || '@x.example', 'free', i, now() FROM generate_series(1, 2) AS i;
"""


def test_the_plan_that_tells_who_pays_is_taken(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader(PLANS)
    init(cli, "--yes")
    accounts = (tmp_path / "acme/tables/neon/accounts.sql").read_text()
    assert ("t.plan AS subscription_status" in accounts, "active: [pro]" in accounts) == (True, True)
