"""The history file: what is kept, what replaces what, and what happens to it when things go wrong."""

import os
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from tests.conftest import problem
from tests.memberships import FIRST, RULES, classified, crowd, keep_one, rules_in
from usertrack.core.errors import SourceBusy, UsageError
from usertrack.core.spool import connect
from usertrack.library.library import read_query
from usertrack.segments.history import file
from usertrack.segments.history.file import HistoryFile, history_file, open_history
from usertrack.segments.history.snapshots import Snapshot, record, snapshots
from usertrack.segments.history.transitions import record_and_compare
from usertrack.sources.identity import origin_of
from usertrack.workspace.settings import load_settings

ANN, BEN = "ann@x.example", "ben@x.example"


@pytest.fixture
def place(tmp_path: Path) -> HistoryFile:
    return HistoryFile(tmp_path / "ws/.usertrack/history.duckdb", "test")


def stored_snapshots(place: HistoryFile, set_name: str = "action") -> list[Snapshot]:
    connection = connect()
    with open_history(connection, place):
        return snapshots(connection, place, set_name)


def people(place: HistoryFile, sql: str) -> list[tuple[object, ...]]:
    connection = connect()
    with open_history(connection, place):
        return list(connection.execute(sql).fetchall())


def test_everybody_is_kept_with_the_facts_that_the_rules_look_at(place: HistoryFile) -> None:
    keep_one(place, classified(0, {ANN: (6, 4, 20, -1), BEN: (1, 0, 80, -1)}))
    assert people(
        place,
        "SELECT key, segments, \"primary\", priority, COLUMNS(lambda c: c LIKE '% %') FROM history.person ORDER BY key",
    ) == [
        (
            ANN,
            ["failing", "poor"],
            "failing",
            0.0,
            6,
            1 - 4 / 6,
            20.0,
            (FIRST - timedelta(days=1)).replace(tzinfo=None),
        ),
        (BEN, [], None, None, 1, 1.0, 80.0, (FIRST - timedelta(days=1)).replace(tzinfo=None)),
    ]
    (snapshot,) = stored_snapshots(place)
    assert [(s.id, s.people, s.undecided) for s in snapshot.segments] == [
        ("failing", 1, 0),
        ("poor", 1, 0),
        ("quiet", 0, 0),
    ]
    assert [(fact.name, fact.type, fact.current) for fact in snapshot.facts] == [
        ("runs", "BIGINT", False), ("success_rate", "DOUBLE", True), ("credits", "DOUBLE", False),
        ("last_run_at", "TIMESTAMP", False),
    ]  # fmt: skip
    assert (snapshot.people, snapshot.as_of) == (2, FIRST.replace(tzinfo=None))
    assert "internal_excluded" in snapshot.match


def test_the_same_moment_replaces_and_never_duplicates(place: HistoryFile) -> None:
    for runs in (6, 7, 1):
        keep_one(place, classified(0, {ANN: (runs, runs, 100, -1)}))
    keep_one(place, classified(1, {ANN: (9, 9, 100, -1)}))
    assert [snapshot.segments[0].people for snapshot in stored_snapshots(place)] == [0, 1]
    assert people(place, 'SELECT "runs BIGINT" FROM history.person ORDER BY snapshot') == [(1,), (9,)]


def test_sets_and_sources_do_not_mix(place: HistoryFile) -> None:
    keep_one(place, classified(0, {ANN: (1, 0, 1, 0)}))
    keep_one(place, classified(0, {ANN: (1, 0, 1, 0)}, "level"))
    keep_one(HistoryFile(place.path, "elsewhere"), classified(0, {ANN: (1, 0, 1, 0)}))
    assert [len(stored_snapshots(place)), len(stored_snapshots(place, "level"))] == [1, 1]


def test_the_digest_follows_the_rules_and_nothing_else(place: HistoryFile) -> None:
    for day, rules in enumerate((RULES, RULES.replace("50 - credits", "1"), RULES.replace("runs > 5", "runs > 6"))):
        keep_one(place, classified(day, {ANN: (6, 6, 1, 0)}, rules=rules))
    first, other_priority, other_rule = (snapshot.rules for snapshot in stored_snapshots(place))
    assert first == other_priority != other_rule


def test_unknown_is_never_zero_and_never_replaces_what_is_known(place: HistoryFile) -> None:
    keep_one(place, classified(0, {ANN: (1, 0, 1, 0)}, without_credits=True))
    (partial,) = stored_snapshots(place)
    assert partial.known.keys() == {"failing", "quiet"}
    assert partial.segments[1].people is None
    assert partial.segments[1].unknown == "credits are down"
    keep_one(place, classified(0, {ANN: (1, 0, 1, 0)}))
    error = problem(lambda: keep_one(place, classified(0, {ANN: (1, 0, 1, 0)}, without_credits=True)))
    assert "more complete answer" in error.message
    assert [snapshot.segments[1].people for snapshot in stored_snapshots(place)] == [1]


def test_a_segment_that_is_no_longer_there_goes_with_the_next_answer_for_its_moment(place: HistoryFile) -> None:
    keep_one(place, classified(0, {ANN: (1, 0, 1, 0)}))
    keep_one(place, classified(0, {ANN: (1, 0, 1, 0)}, rules=re.sub(" +quiet.*\n", "", RULES)))
    (snapshot,) = stored_snapshots(place)
    assert snapshot.known.keys() == {"failing", "poor"}


def test_a_fact_whose_type_changed_has_a_column_of_its_own(place: HistoryFile) -> None:
    keep_one(place, classified(0, {ANN: (6, 6, 1, 0)}))
    keep_one(
        place,
        classified(
            1,
            {ANN: (6, 6, 1, 0)},
            rules=RULES.replace('"1 - failed', '"failed > 3 OR 1 > failed').replace(
                "success_rate < 0.5", "success_rate"
            ),
        ),
    )
    columns = '"success_rate DOUBLE", "success_rate BOOLEAN"'
    assert people(place, f"SELECT {columns} FROM history.person ORDER BY snapshot") == [(0.0, None), (None, True)]


def test_current_is_true_or_false(tmp_path: Path) -> None:
    rules_in(tmp_path)
    path = tmp_path / "queries/neon/runs.sql"
    path.write_text(path.read_text().replace("current: true", "current: today"))
    error = problem(lambda: read_query(path, "neon/runs"))
    assert error.message == f"{path}:5: 'current' of fact 'failed' is true or false"


# Files that cannot be used


def _version(place: HistoryFile) -> None:
    with duckdb.connect(str(place.path)) as connection:
        connection.execute("UPDATE about SET version = 99")


def _of_a_newer_duckdb(place: HistoryFile) -> None:
    content = bytearray(place.path.read_bytes())
    content[12:20] = (1200).to_bytes(8, "little")
    place.path.write_bytes(content)
    with pytest.raises(duckdb.Error) as caught:
        duckdb.connect(str(place.path))
    checksum = re.search(r"computed checksum (\d+)", str(caught.value))
    assert checksum
    content[:8] = int(checksum[1]).to_bytes(8, "little")
    place.path.write_bytes(content)


def _other_tables(place: HistoryFile) -> None:
    place.path.unlink()
    with duckdb.connect(str(place.path)) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1")


def _flipped(place: HistoryFile) -> None:
    content = bytearray(place.path.read_bytes())
    place.path.write_bytes(content[:12288] + bytes(255 - byte for byte in content[12288:]))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda place: place.path.write_bytes(b"not a database" * 1000), "is damaged, or no history"),
        (lambda place: place.path.write_bytes(b""), "is damaged, or no history"),
        (lambda place: place.path.write_bytes(place.path.read_bytes()[:9000]), "is damaged, or no history"),
        (_flipped, "is damaged, or no history"),
        (_other_tables, "no history of usertrack"),
        (_version, "written by a newer usertrack (its format is 99, this one knows 2)"),
        (_of_a_newer_duckdb, "written by a newer DuckDB"),
    ],
)
def test_a_file_that_cannot_be_used_stays_as_it_is(place: HistoryFile, spoil: object, message: str) -> None:
    keep_one(place, classified(0, {ANN: (1, 0, 1, 0)}))
    spoil(place)  # type: ignore[operator]
    before = place.path.read_bytes()
    classification = classified(1, {ANN: (6, 6, 1, 0)})
    assert record_and_compare(classification, place, FIRST) is None
    assert classification.counts[0].people == 1
    (note,) = (note for note in classification.profiles.notes if str(place.path) in note)
    assert message in note
    assert "was not changed" in note
    error = problem(lambda: stored_snapshots(place))
    assert isinstance(error, UsageError)
    assert message in error.message
    assert place.path.read_bytes() == before


def test_a_place_that_cannot_be_written_costs_the_history_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file/.usertrack/history.duckdb", Path("/proc/usertrack/history.duckdb")):
        classification = classified(0, {ANN: (6, 6, 1, 0)})
        assert record_and_compare(classification, HistoryFile(path, "test"), FIRST) is None
        assert str(path) in classification.profiles.notes[-1]
        assert "USERTRACK_HISTORY=FILE" in classification.profiles.notes[-1]


def test_no_history_is_made_by_looking(place: HistoryFile) -> None:
    assert "backfill" in problem(lambda: stored_snapshots(place)).hint
    assert not place.path.parent.exists()


def test_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    own = {
        "POSTHOG_PERSONAL_API_KEY": "phx_secret",
        "POSTHOG_PROJECT_ID": "48210",
        "DATABASE_URL": "postgresql://me:hunter2@db.example:5432/datagen?sslmode=require",
    }
    elsewhere = load_settings(env=own)
    place = history_file(elsewhere, FIRST)
    assert place == HistoryFile(tmp_path / "data/usertrack/history.duckdb", "us.posthog.com/48210 + db.example/datagen")
    demo = history_file(load_settings(env={}), FIRST)
    assert demo
    assert demo.path == tmp_path / "cache/usertrack/demo-20261101T0900-2000-120/history.duckdb"
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws/usertrack.yaml").write_text("timezone: UTC\n")
    at_work = history_file(load_settings(env=own, workspace=tmp_path / "ws"), FIRST)
    assert at_work
    assert at_work.path == tmp_path / "ws/.usertrack/history.duckdb"
    assert history_file(load_settings(env={**own, "USERTRACK_HISTORY": "off"}), FIRST) is None
    (tmp_path / "ws/usertrack.yaml").write_text("history: off\n")
    assert history_file(load_settings(env=own, workspace=tmp_path / "ws"), FIRST) is None


# Two at once, and one that dies


def writer(*args: object) -> "subprocess.Popen[str]":
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.memberships", *map(str, args)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_two_processes_write_at_once_and_nothing_is_lost(place: HistoryFile) -> None:
    both = [writer(place.path, "write", first, 12) for first in (0, 12)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert [(snapshot.as_of - FIRST.replace(tzinfo=None)).days for snapshot in stored_snapshots(place)] == list(
        range(24)
    )
    assert people(place, "SELECT DISTINCT count(*) FROM history.person GROUP BY snapshot") == [(50,)]


def test_nobody_else_may_read_it(place: HistoryFile) -> None:
    keep_one(place, classified(0, {ANN: (1, 0, 1, 0)}))
    assert place.path.stat().st_mode & 0o077 == 0


def test_who_keeps_the_file_to_itself_is_named(place: HistoryFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "WAIT_SECONDS", 0.5)
    keep_one(place, classified(0, {ANN: (1, 0, 1, 0)}))
    code = f"import duckdb, time; c = duckdb.connect({str(place.path)!r}); print('ready', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout
        holder.stdout.readline()
        classification = classified(1, {ANN: (1, 0, 1, 0)})
        assert record_and_compare(classification, place, FIRST) is None
        assert f"(PID {holder.pid})" in classification.profiles.notes[-1]
        error = problem(lambda: stored_snapshots(place))
        assert isinstance(error, SourceBusy)
    finally:
        holder.kill()
        holder.wait()
    assert len(stored_snapshots(place)) == 1


@pytest.mark.slow
def test_killed_while_writing_it_leaves_one_whole_state(place: HistoryFile) -> None:
    keep_one(place, classified(0, crowd(20_000, 1), "level"))
    seen = set()
    for round_ in range(6):
        process = writer(place.path, "rewrite", 20_000)
        time.sleep(0.4 + 0.13 * round_)
        process.send_signal(signal.SIGKILL)
        process.wait()
        (snapshot,) = stored_snapshots(place, "level")
        sizes = {segment.id: segment.people for segment in snapshot.segments if segment.people}
        counted = people(place, 'SELECT "primary", count(*) FROM history.person GROUP BY ALL')
        assert dict(counted) == sizes
        assert sum(sizes.values()) == 20_000
        seen |= set(sizes)
    keep_one(place, classified(1, crowd(3, 1), "level"))
    assert len(stored_snapshots(place, "level")) == 2


def test_old_snapshots_are_thinned_to_one_a_day_and_later_one_a_week(place: HistoryFile) -> None:
    start = FIRST.replace(tzinfo=None)  # a Sunday, 09:00
    for day in (-120, -119.5, -117, -116.8, -50, -49.9, -20, -3, -2.9):
        keep_one(place, classified(day, {ANN: (1, 0, 80, 0)}))
    keep_one(place, classified(0, {ANN: (1, 0, 80, 0)}))
    days = [(snapshot.as_of - start) / timedelta(days=1) for snapshot in stored_snapshots(place)]
    # -120 is a Saturday, -119.5 its evening, -117 a Tuesday; -49.9 is of the same day as -50
    assert [round(day, 1) for day in days] == [-119.5, -116.8, -49.9, -20, -3, -2.9, 0]
    assert people(place, "SELECT count(*), count(DISTINCT snapshot) FROM history.person") == [(7, 7)]


def test_asking_an_old_moment_again_replaces_it_and_keeps_the_rest(place: HistoryFile) -> None:
    for day in (-30, -29.8, 0):
        keep_one(place, classified(day, {ANN: (1, 0, 80, 0)}))
    before = [snapshot.as_of for snapshot in stored_snapshots(place)]
    classification = classified(-29.8, {ANN: (9, 9, 80, 0)})
    with open_history(classification.profiles.connection, place, write=True):
        record(classification, place, FIRST)
    assert [snapshot.as_of for snapshot in stored_snapshots(place)] == before
    assert [snapshot.known["failing"].people for snapshot in stored_snapshots(place)] == [1, 0]


def test_a_password_is_no_part_of_the_origin(tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("")
    dsn = "user=reader dbname=app host=db.example port=6432 password=s3cret"
    settings = load_settings(workspace=tmp_path, env={"DATABASE_URL": dsn})
    assert origin_of(settings, FIRST) == "db.example:6432/app"
