"""What is held on a person, and that it is gone: a small company over real HTTP, its history and its cache."""

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.alerts.signals import told_to
from usertrack.core.temporary import temporary_folder
from usertrack.library.library import shipped_root
from usertrack.live.alerts.desk import Desk
from usertrack.live.alerts.notifications import Channel
from usertrack.live.alerts.store import AlertStore
from usertrack.live.alerts.watch_lock import WatchLock
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.read import read_patterns
from usertrack.live.signals.state import StateFile
from usertrack.privacy import erase, local
from usertrack.server.database.store import Store
from usertrack.workspace.settings import load_settings
from usertrack.workspace.state import state_folder

from ..conftest import Cli, slow_but
from ..live.alerts.signals import T0, at, signal
from ..people import Company, Office, ago, office, served

ANN = "ann@x.example"


def people() -> Company:
    company = Company()
    user = company.account(ANN, name="Ann Smith", runs={"completed": 6})
    company.account("joann@x.example", runs={"completed": 6})
    company.account("boss@datagen.dev")
    company.tool(user, ago(2))
    for email in (ANN, " ANN@X.example", "joann@x.example", "boss@datagen.dev"):
        person = company.person(email)
        company.event(person, "$pageview", ago(3), 4, note=f"by {email.strip()}")
    return company


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("privacy"), people()) as opened:
        yield opened


@pytest.fixture
def fresh(place: Office) -> Office:
    for table in ("events", "persons", "person_distinct_ids"):
        place.store.query(f"TRUNCATE TABLE posthog.{table}")
    company = people()
    place.store.insert("persons", company.persons)
    ids = [{"distinct_id": p["id"], "person_id": p["id"], "version": 1} for p in company.persons]
    place.store.insert(
        "person_distinct_ids", [*ids, {"distinct_id": ANN, "person_id": ids[0]["person_id"], "version": 1}]
    )
    place.store.insert("events", company.events)
    place.store.refresh_property_definitions()
    return place


@pytest.fixture
def own(fresh: Office, cli: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cli]:
    data = tmp_path / "data"
    with served(fresh) as env:
        for name, value in env.items():
            clean_env.setenv(name, value)
        clean_env.setenv("USERTRACK_PSEUDONYM_KEY", "test")
        clean_env.setenv("XDG_DATA_HOME", str(data))
        yield cli


def counts(store: Store) -> tuple[int, int]:
    return tuple(store.rows(f"SELECT count() FROM posthog.{t}")[0][0] for t in ("persons", "events"))  # type: ignore[return-value]


@pytest.mark.slow
def test_export_has_all_spellings_and_nobody_else(own: Cli, tmp_path: Path) -> None:
    own("segments")
    result = own("privacy", "export", "Ann@x.example ", "-o", "ann.json")
    assert result.code == 0, result.err
    text = (tmp_path / "ann.json").read_text()
    assert stat.S_IMODE((tmp_path / "ann.json").stat().st_mode) == 0o600
    assert "joann" not in text
    held = json.loads(text)
    assert held["spellings"] == [" ANN@X.example", ANN]
    assert [held["counts"][name] for name in ("persons", "distinct_ids", "events", "history_rows")] == [2, 3, 8, 1]
    assert len(held["posthog"]["events"]) == 8
    assert held["postgres"]["neon/user_account"][0]["name"] == "Ann Smith"
    assert held["history"][0]["key"] == ANN
    assert {"posthog/people", "neon/accounts"} <= {each["query"] for each in held["cache"]}


def test_erase_asks_first(own: Cli, fresh: Office) -> None:
    result = own("privacy", "erase", ANN)
    assert result.code == 0
    assert "nothing was deleted" in result.out
    assert counts(fresh.store) == (4, 16)


def alert_about_ann() -> None:
    """In the folder of the user's data, since there is no workspace."""
    settings = load_settings()
    desk = Desk(AlertStore(state_folder(settings, T0)), told_to(Channel("support", "slack")))
    desk.receive([signal(person="p-1", facts={"email": ANN})], T0)
    assert desk.tick(at(30))
    desk.store.close()


def test_nobody_is_erased_while_patterns_are_watched(own: Cli, fresh: Office) -> None:
    alert_about_ann()
    with WatchLock(state_folder(load_settings(), T0), T0):
        result = own("privacy", "erase", ANN, "--yes")
    assert result.code == 3
    assert "are watched already, by process" in result.err
    assert "stop it, erase, and start it again" in result.err
    assert counts(fresh.store) == (4, 16)


@pytest.mark.slow
def test_erase_leaves_nothing_but_what_is_read_only(own: Cli, fresh: Office, tmp_path: Path) -> None:
    own("segments")
    alert_about_ann()
    result = own("privacy", "erase", ANN, "--yes", "-f", "json")
    assert result.code == 0, result.err
    rows = json.loads(result.out)["places"]
    left = {(row["place"], row["what"]): (row["held"], row["left"]) for row in rows}
    assert left["PostHog", "persons"] == (2, 0)
    assert left["PostHog", "events"] == (8, 0)
    assert left["history", "rows"] == (1, 0)
    assert left["cache", "answers"][1] == 0
    assert (left["alerts", "alerts"], left["alerts", "messages"]) == ((1, 0), (1, 0))
    assert left["Postgres", "neon/user_account"] == (1, 1)
    assert "read only, always" in result.err
    assert counts(fresh.store) == (2, 8)
    for folder in (tmp_path, fresh.store.path):
        grep = subprocess.run(["grep", "-raliE", r"(^|[^o])ann@x\.example", folder], capture_output=True, text=True)
        assert grep.stdout == ""
    assert own("segments", "-f", "json").code == 0  # the history can be read, and those who stay are in it


@pytest.mark.slow
def test_an_erasure_that_broke_off_is_finished_by_the_next_command(
    own: Cli, fresh: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own("segments")
    with monkeypatch.context() as broken:
        broken.setattr(local, "rewrite", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            own("privacy", "erase", ANN, "--yes")
    assert counts(fresh.store) == (2, 8)
    (journal,) = (tmp_path / "config").rglob("erasures/*")
    assert (journal.stat().st_mode & 0o777, ANN in journal.read_text()) == (0o600, True)
    result = own("profiles")
    assert (result.code, result.err.count(f"{ANN} was erased · every place was read again")) == (0, 1)
    assert not subprocess.run(["grep", "-raliE", r"(^|[^o])ann@x\.example", tmp_path], capture_output=True).stdout
    assert "interrupted" not in own("profiles").err


@pytest.mark.slow
def test_a_journal_that_cannot_be_read_is_named_and_counts_as_left(own: Cli, fresh: Office, tmp_path: Path) -> None:
    own("segments")
    folder = tmp_path / "config/usertrack/erasures"
    (folder / ".usertrack-run-abcd1234").mkdir(parents=True)
    (folder / ".usertrack-run-abcd1234/journal").write_text(ANN)  # of a run that was killed while it wrote it
    (journal := folder / "a.json").write_text(f'{{"subject": {{"email": "{ANN}"')
    result = own("profiles")
    assert (result.code, f"{journal} notes an erasure" in result.err) == (0, True)
    assert list(folder.iterdir()) == [journal]
    assert own("privacy", "erase", ANN, "--yes").code == 5
    journal.unlink()
    assert "notes an erasure" not in own("profiles").err


@pytest.mark.slow
def test_a_journal_is_on_the_disk_before_anything_is_deleted(
    own: Cli, fresh: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    synced = list[str]()
    sync, delete = os.fsync, erase.delete

    def note(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(erase, "delete", lambda *values: synced.append("deletion") or delete(*values))
    own("privacy", "erase", ANN, "--yes")
    folder = str(tmp_path / "config/usertrack/erasures")
    written, renamed, began = (
        next(i for i, name in enumerate(synced) if test(name))
        for test in (
            lambda name: name.startswith(f"{folder}/"),
            lambda name: name == folder,
            lambda name: name == "deletion",
        )
    )
    assert written < renamed < began


@pytest.mark.slow
def test_what_another_usertrack_has_of_her_at_work_is_left(
    own: Cli, fresh: Office, temporary_files_of_its_own: Path
) -> None:
    with temporary_folder() as folder:
        (folder / "rows.csv").write_text(ANN)
        result = own("privacy", "erase", ANN, "--yes")
    assert result.code == 5
    assert "1 files with the e-mail's bytes in temporary files" in result.err


@pytest.mark.slow
def test_what_others_did_names_the_email(own: Cli, fresh: Office) -> None:
    boss = "00000000-0000-0000-0000-000000000004"
    event = {"uuid": boss, "event": "invited", "timestamp": str(ago(1)), "distinct_id": boss, "person_id": boss}
    fresh.store.insert("events", [{**event, "properties": {"whom": ANN}}])
    rows = json.loads(own("privacy", "erase", ANN, "-f", "json").out)["places"]
    assert [row["erase"] for row in rows if row["what"] == "events of others that name the e-mail"] == ["no"]
    result = own("privacy", "erase", ANN, "--yes")
    assert result.code == 5
    assert "1 events of others that name the e-mail in PostHog" in result.err
    assert "pseudonymize" in result.err


@pytest.mark.slow
def test_wrong_input(own: Cli, fresh: Office) -> None:
    result = own("privacy", "erase", "jonn@x.example", "--yes")
    assert (result.code, "joann@x.example" in result.err) == (2, True)
    assert own("privacy", "export", " ").code == 2
    assert own("privacy", "export", "a'\"%{}\\<b>@x.example").code == 2
    for age in ("soon", "900000d"):  # before the year 1
        assert own("privacy", "retention", "--older-than", age).code == 2
    assert counts(fresh.store) == (4, 16)


def test_retention(own: Cli, fresh: Office) -> None:
    old = {
        "uuid": "00000000-0000-0000-0000-000000000099",
        "event": "old",
        "timestamp": "2020-01-01",
        "distinct_id": "x",
    }
    fresh.store.insert("events", [old])
    state = StateFile(state_folder(load_settings(), T0))
    state.save(Engine(read_patterns(shipped_root() / "patterns.yaml")), [signal(after=-500 * 86_400)])
    assert own("privacy", "retention", "--older-than", "400d").code == 0
    assert counts(fresh.store) == (4, 17)
    result = own("privacy", "retention", "--older-than", "400d", "--yes", "-f", "json")
    rows = {row["what"]: (row["held"], row["left"]) for row in json.loads(result.out)["places"]}
    assert (result.code, rows["events"], rows["persons"]) == (0, (1, 0), (0, 0))
    assert rows["what patterns remember"] == (1, 0)
    assert state.waiting() == []
    state.close()
    assert counts(fresh.store) == (4, 16)


@pytest.mark.slow
def test_pseudonymize(own: Cli, fresh: Office, tmp_path: Path) -> None:
    own("segments")
    for left in (8, 0):
        result = own("privacy", "pseudonymize", "--yes", "-f", "json")
        assert result.code == 0, result.err
        rows = {row["what"]: (row["held"], row["left"]) for row in json.loads(result.out)["places"]}
        assert rows["with an e-mail"][1] == rows["rows with an e-mail"][1] == 0
        assert (rows["with an e-mail"][0] > 0) == (left > 0)
    for folder in (tmp_path, fresh.store.path):
        assert not subprocess.run(["grep", "-rali", "@x.example", folder], capture_output=True, text=True).stdout
    emails = [e for (e,) in fresh.store.rows("SELECT properties.email::String FROM posthog.persons")]
    assert len({email.strip() for email in emails}) == 3  # two spellings are one pseudonym
    assert sum(email.endswith("@datagen.dev") for email in emails) == 1
    assert counts(fresh.store) == (4, 16)


def opt_out(store: Store, email: str, **properties: object) -> None:
    [[id_]] = store.rows(f"SELECT id FROM posthog.persons WHERE properties.email::String = '{email}'")
    store.insert(
        "persons", [{"id": id_, "created_at": str(ago(60)), "properties": {"email": email, **properties}, "version": 9}]
    )
    store.refresh_property_definitions()


@pytest.mark.slow
@pytest.mark.parametrize("flag", slow_but(["no_thanks"], ["$opt_out", "no_thanks"]))
def test_who_opted_out_is_left_out(own: Cli, fresh: Office, clean_env: pytest.MonkeyPatch, flag: str) -> None:
    clean_env.setenv("USERTRACK_OPT_OUT", "no_thanks")
    opt_out(fresh.store, ANN, **{flag: True})
    opt_out(fresh.store, "joann@x.example", **{flag: "no"})
    document = json.loads(own("match", "-f", "json").out)
    assert (document["match"]["opted_out"], document["match"]["internal_excluded"]) == (1, 1)
    assert "1 person has opted out, and is left out" in document["notes"]
    people = json.loads(own("segments", "power", "-n", 0, "-f", "json").out)
    assert "joann@x.example" in str(people)
    assert f"'{ANN}'" not in str(people)
    assert "opted out" in own("user", ANN).err
    days = json.loads(own("query", "run", "posthog/presence", "-f", "json").out)
    assert [row["email"] for row in days["rows"]] == ["joann@x.example"]
    assert ANN not in str(days["meta"]["parameters"])
