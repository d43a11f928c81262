"""`--by organization`, on a company small enough to know everybody in it, and on the demo."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from usertrack.library.library import shipped_root

from ..conftest import Cli, slow_but
from ..people import Company, ago, office, served


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    rows = Company()
    for number, name in enumerate(("ann", "bob", "eve")):
        rows.account(f"{name}@x.example", organization="[red]acme[/red]", last_active=ago(1), runs={"failed": 4})
        rows.event(rows.person(f"{name}@x.example"), "$pageview", ago(number), **{"p_$group_0": "[red]acme[/red]"})
    rows.account("zoe@x.example", organization="globex", subscription="active", revenue=49, last_active=ago(40))
    with office(tmp_path_factory.mktemp("companies"), rows) as opened, served(opened) as env:
        yield env


@pytest.fixture
def own(cli: Cli, clean_env: pytest.MonkeyPatch, environment: dict[str, str]) -> Cli:
    for name, value in environment.items():
        clean_env.setenv(name, value)
    return cli


def test_the_listing_shows_size_and_reason(own: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("COLUMNS", "160")
    answer = own("segments", "--by", "organization")
    assert "2 organizations" in answer.out
    row = next(line for line in answer.out.splitlines() if "[red]acme" in line)
    assert row.split()[:3] == ["[red]acme[/red]", "3", "Failing"]
    assert "12 of 12 finished runs ever failed" in answer.out
    assert "1 organization of accounts has no events" in answer.err + answer.out


def test_json_and_csv_have_every_fact(own: Cli) -> None:
    answer = json.loads(own("segments", "leaving", "--by", "organization", "-f", "json").out)
    (globex,) = answer["organizations"]
    assert (globex["organization"], globex["profile"]["people"], globex["profile"]["revenue"]) == ("globex", 1, 49)
    (row,) = csv.DictReader(io.StringIO(own("segments", "leaving", "--by", "organization", "-f", "csv").out))
    assert (row["organization"], row["people"], row["primary"]) == ("globex", "1", "leaving")


@pytest.mark.slow
def test_explain(own: Cli) -> None:
    assert "globex is in Leaving Customers" in own("explain", "globex", "--by", "organization").out
    answer = json.loads(own("explain", "globex", "--by", "organization", "-f", "json").out)
    assert answer["organization"] == "globex"
    wrong = own("explain", "globx", "--by", "organization")
    assert (wrong.code, wrong.err) == (2, "error: no organization is known as 'globx'\nhint: did you mean globex?\n")


@pytest.mark.slow
def test_history_keeps_them_apart_from_people(own: Cli) -> None:
    own("segments")
    own("segments", "--by", "organization")
    answer = own("history", "--set", "organizations", "--user", "globex")
    assert "globex in the set organizations" in answer.out
    assert own("history", "--user", "globex").code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("segments --by company", "there is no --by company"),
        ("segments --by organization --set action", "set 'action' is of people"),
        ("explain globex --by organization --set action", "set 'action' is of people"),
        ("segments --by organization --set lifecycle", "set 'lifecycle' is of people"),
        ("segments --set organizations", "set 'organizations' is of organizations"),
        ("push leaving --set organizations --to csv", "set 'organizations' is of organizations"),
        ("report weekly --set organizations", "set 'organizations' is of organizations"),
        ("history backfill --set organizations", "set 'organizations' is of organizations"),
    ],
)
def test_what_is_not_of_organizations_says_so(own: Cli, arguments: str, message: str) -> None:
    answer = own(*arguments.split())
    assert (answer.code, message in answer.err) == (2, True)


def test_rules_of_ones_own_without_organizations_take_the_shipped_ones(own: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("")
    text = (shipped_root() / "segments.yaml").read_text()
    (tmp_path / "segments.yaml").write_text(text[: text.index("  organizations: #")])
    answer = own("segments", "--by", "organization", "-w", str(tmp_path))
    assert "segments.yaml has no set `by: organization`: the shipped one is used" in answer.err
    assert "Leaving Customers" in answer.out


def test_without_organizations_there_is_nothing_to_judge(own: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("tables: none\n")
    answer = own("segments", "--by", "organization", "-w", str(tmp_path))
    assert (answer.code, "what organizations are judged by rests on what is not here" in answer.err) == (2, True)


def test_check_names_the_rules_that_are_left_out(own: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("tables: {runs: none}")
    answer = own("check", "-f", "json")
    assert answer.code == 0
    for name in ("failing", "champion"):
        assert f"segment organization {name}" in answer.out


def test_check_proves_their_rules_too(own: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("")
    text = (shipped_root() / "segments.yaml").read_text()
    assert "active_people >= 3" in text
    (tmp_path / "segments.yaml").write_text(text.replace("active_people >= 3", "activ_people >= 3"))
    assert "unknown fact 'activ_people'" in own("check", "-w", str(tmp_path)).out


COMMANDS = ["segments --by organization", "doctor --verbose"]
TELLS_OF_NAMES = pytest.mark.parametrize("command", slow_but(COMMANDS[:1], COMMANDS))


@TELLS_OF_NAMES
def test_several_organizations_of_one_name_are_told(own: Cli, tmp_path: Path, command: str) -> None:
    shipped = (shipped_root() / "tables/neon/accounts.sql").read_text()
    (tmp_path / "usertrack.yaml").write_text("")
    (tmp_path / "tables/neon").mkdir(parents=True)
    (tmp_path / "tables/neon/accounts.sql").write_text(
        shipped.replace("    w.organization\n", "    w.organization,\n    w.id AS organization_id\n")
    )
    note = "1 name is that of several organizations, which count as one, such as '[red]acme[/red]'"
    answer = own(*command.split())
    assert note in " ".join((answer.out + answer.err).split())


@TELLS_OF_NAMES
def test_names_that_never_meet_are_told_with_one_of_each(own: Cli, tmp_path: Path, command: str) -> None:
    shipped = (shipped_root() / "tables/neon/accounts.sql").read_text()
    (tmp_path / "usertrack.yaml").write_text("")
    (tmp_path / "tables/neon").mkdir(parents=True)
    mapped = shipped.replace("    w.organization\n", "    'org-' || w.organization AS organization\n")
    (tmp_path / "tables/neon/accounts.sql").write_text(mapped)
    note = "is a group of PostHog: accounts say 'org-[red]acme[/red]', and events '[red]acme[/red]'"
    answer = own(*command.split())
    assert note in " ".join((answer.out + answer.err).split())
