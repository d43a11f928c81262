"""The commands about people, where people are joined on the id of their account."""

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copy, copytree

import pytest

from usertrack.library.library import shipped_root

from ..conftest import Cli
from ..people import ago, served
from ..segments.test_keys import ANN, BOB, Product, product


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("ids")
    rows = Product()
    rows.user(ANN, "ann@x.example", failed=7)
    rows.user(BOB, failed=9)
    rows.known(ANN, anonymous="0190-anonymous")
    rows.sent("0190-anonymous", "$rageclick", ago(3))
    with product(folder, rows) as opened, served(opened) as env:
        tables = "{calls: none, code_runs: none, deployments: none, agent_runs: none}"
        (folder / "usertrack.yaml").write_text(f"tables: {tables}\n")
        rules = (shipped_root() / "segments.yaml").read_text().replace("key: email", "key: account_id")
        (folder / "segments.yaml").write_text(rules)
        yield folder, env


@pytest.fixture
def own(cli: Cli, clean_env: pytest.MonkeyPatch, company: tuple[Path, dict[str, str]]) -> Cli:
    for name, value in company[1].items():
        clean_env.setenv(name, value)
    return lambda *arguments: cli(*arguments, "-w", str(company[0]))


def test_segments_lists_ids(own: Cli) -> None:
    answer = json.loads(own("segments", "failing", "-f", "json").out)
    assert [(user["account_id"], user["profile"]["email"]) for user in answer["users"]] == [
        (BOB, None),
        (ANN, "ann@x.example"),
    ]


def test_while_nobody_knows_who_opted_out_the_answer_is_incomplete_and_nothing_is_sent(
    own: Cli, cli: Cli, company: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    for name in ("usertrack.yaml", "segments.yaml"):
        copy(company[0] / name, tmp_path)
    copytree(company[0] / "tables", tmp_path / "tables")
    opted_out = tmp_path / "queries/by_account_id/posthog/opted_out.sql"
    opted_out.parent.mkdir(parents=True)
    opted_out.write_text("-- title: Broken\nSELECT nothing FROM persons\n")
    answer = cli("segments", "failing", "-w", str(tmp_path))
    assert (answer.code, "opted out is not known" in " ".join((answer.out + answer.err).split())) == (6, True), answer
    sent = cli("push", "failing", "--to", "csv", "-w", str(tmp_path))
    assert (sent.code, "usertrack query run posthog/opted_out" in sent.err) == (6, True)


@pytest.mark.slow
def test_a_dossier_has_both_sources(own: Cli) -> None:
    assert "Account_id" not in own("user", ANN).out
    answer = json.loads(own("user", ANN, "-f", "json").out)
    assert answer["account_id"] == ANN
    assert {kind for _, _, kind, *_ in map(dict.values, answer["timeline"])} == {
        "workflow run",
        "$identify",
        "$rageclick",
    }
    assert own("user", ANN.lower()).code == 2


def test_explain_names_the_id(own: Cli) -> None:
    assert f"{ANN} is in Failing Users" in own("explain", ANN).out
    assert own("explain", "Ann@x.example").err.endswith(f"people are known by their account id: this is {ANN}\n")


@pytest.mark.slow
def test_snapshots_of_another_key_are_not_compared(
    own: Cli, cli: Cli, company: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    for name in ("usertrack.yaml", "segments.yaml"):
        copy(company[0] / name, tmp_path)
    rules = tmp_path / "segments.yaml"
    copytree(company[0] / "tables", tmp_path / "tables")
    rules.write_text(rules.read_text().replace("key: account_id", "key: email"))
    cli("segments", "--as-of", str(ago(7)), "-w", str(tmp_path))
    answer = json.loads(own("segments", "-f", "json").out)
    note = "people are joined on account_id now: 1 earlier snapshot by email cannot be compared with these"
    assert (answer["since"], note in answer["notes"]) == (None, True)
    history = own("history", "-f", "json")
    assert (note in history.err, len(json.loads(history.out)["snapshots"])) == (True, 1)


@pytest.mark.slow
def test_an_id_is_as_good_as_an_email(own: Cli) -> None:
    assert (
        own("failures", "--user", ANN, "-f", "json").out == own("failures", "--user", "ann@x.example", "-f", "json").out
    )
    assert json.loads(own("privacy", "export", ANN).out)["email"] == "ann@x.example"
    assert own("activity", "--user", ANN).code == 0
    nobody = own("failures", "--user", BOB)
    assert (nobody.code, f"no account with an e-mail has the id '{BOB}'" in nobody.err) == (2, True)


def test_a_crm_gets_the_id_and_the_email(own: Cli) -> None:
    lines = own("push", "failing", "--to", "csv").out.splitlines()
    assert [line.split(",")[:3] for line in lines] == [
        ["account_id", "email", "segment"],
        [BOB, "", "Failing Users"],
        [ANN, "ann@x.example", "Failing Users"],
    ]


def test_a_cohort_is_found_by_id(own: Cli) -> None:
    answer = json.loads(own("push", "failing", "--to", "posthog-cohort", "--yes", "--dry-run", "-f", "json").out)
    assert (answer["unresolved"], answer["people"]) == ([BOB], 2)


def test_the_history_is_of_ids(own: Cli) -> None:
    own("segments")
    assert ANN in own("history", "--user", f" {ANN} ").out


@pytest.mark.slow
def test_the_weekly_report(own: Cli) -> None:
    assert ANN in own("report", "weekly", "--full").out


@pytest.mark.slow
def test_an_analysis_of_a_segment_finds_its_people_by_id(own: Cli) -> None:
    rows = own("activity", "--segment", "failing", "-f", "csv").out.splitlines()
    assert sum(row.split(",")[3] == "1" for row in rows) == 2, rows


def test_match_names_ids(own: Cli) -> None:
    answer = own("match")
    assert "Accounts without an account id" in answer.out
    assert "not counted" in next(line for line in answer.out.splitlines() if "Your own people" in line)
    assert next(line for line in answer.out.splitlines() if BOB in line).split()[:2] == [BOB, "postgres_only"]


@pytest.mark.slow
def test_check(own: Cli) -> None:
    answer = own("check", "--online")
    assert (answer.code, "replaces the shipped one" in answer.out) == (0, False), answer.out
