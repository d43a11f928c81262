"""Rows of one person with one time: a log's own order says what came first, and nothing else does."""

from pathlib import Path

import pytest

from .conftest import Events, Import, imported, parquet

ROWS = [
    ("a", "view", "2024-01-01 10:00:00"),
    ("a", "open", "2024-01-01 10:00:00"),
    ("b", "zoom", "2024-01-01 10:00:00"),
    ("a", "buy", "2024-01-01 10:00:00"),
    ("a", "open", "2024-01-01 10:00:00"),
    ("a", "again", "2024-01-01 10:00:01"),
]
LOG = "user,event,time\n" + "".join(",".join(row) + "\n" for row in ROWS)
TIES_NOTE = "4 rows with the time of another row of the same person: the file's order is kept, a microsecond apart"


def of_a(events: Events) -> list[tuple[str, str]]:
    return [(event, at[14:]) for at, who, event, _ in events() if who == "a"]


IN_ORDER = [
    ("view", "00:00.000000"),
    ("open", "00:00.000001"),
    ("buy", "00:00.000002"),
    ("open", "00:00.000003"),
    ("again", "00:01.000000"),
]


def test_the_order_of_a_csv_is_kept(load: Import, events: Events) -> None:
    assert TIES_NOTE in imported(load(LOG, "-f", "json"))["notes"]
    assert of_a(events) == IN_ORDER


def test_the_order_of_a_parquet_file_is_kept(load: Import, events: Events, tmp_path: Path) -> None:
    rows = ", ".join(f"('{who}', '{event}', TIMESTAMP '{at}')" for who, event, at in ROWS)
    load(
        parquet(tmp_path / "log.parquet", f"SELECT * FROM (VALUES {rows}) AS log (who, event, ts)"),
        "-m",
        "distinct_id=who",
    )
    assert of_a(events) == IN_ORDER


def test_of_a_log_with_the_newest_first_too(load: Import, events: Events) -> None:
    load("user,event,time\n" + "".join(",".join(row) + "\n" for row in reversed(ROWS)))
    assert of_a(events) == IN_ORDER


@pytest.mark.slow
def test_the_same_file_again_and_one_that_has_grown(load: Import, events: Events) -> None:
    load(LOG)
    again = imported(load(LOG, "-f", "json"))
    assert (again["events"], again["known"]) == (0, 6)
    grown = imported(load(LOG + "b,zap,2024-01-01 10:00:00\na,last,2024-01-01 10:00:01\n", "-f", "json"))
    assert (grown["events"], grown["known"]) == (2, 6)
    assert of_a(events) == [*IN_ORDER, ("last", "00:01.000001")]


def test_ties_stay_where_that_is_said(load: Import, events: Events) -> None:
    result = load(LOG, "--ties", "equal")
    assert (
        "4 rows with the time of another row of the same person stay equal: which of them came first is not known"
        in result.err
    )
    assert {at for event, at in of_a(events) if event != "again"} == {"00:00.000000"}


def test_dates_alone_say_no_order(load: Import, events: Events) -> None:
    """At midnight in Berlin, too: a log of days lists each day in whatever order."""
    log = "user,event,time\na,y,2024-01-01\na,x,2024-01-01\na,z,2024-07-01\n"
    (note,) = imported(load(log, "--timezone", "Europe/Berlin", "-f", "json"))["notes"]
    assert "2 rows" in note
    assert "stay equal" in note
    assert [(event, at) for event, at in of_a(events)][:2] == [("x", "00:00.000000"), ("y", "00:00.000000")]


def test_no_row_passes_the_next_time(load: Import, events: Events) -> None:
    log = "user,event,time\n" + "".join(
        f"a,{event},2024-01-01 10:00:00.00000{us}\n" for event, us in ["y1", "x1", "z2"]
    )
    (note,) = imported(load(log, "-f", "json"))["notes"]
    assert note.startswith("2 rows with the time of another row of the same person, too close to the next time")
    assert [at[-2:] for _, at in of_a(events)] == ["01", "01", "02"]


def test_rows_that_say_the_same_are_no_ties(load: Import, events: Events) -> None:
    assert imported(load("user,event,time\n" + 3 * "a,x,2024-01-01\n", "-f", "json"))["notes"] == []
    assert {at for _, at in of_a(events)} == {"00:00.000000"}


def test_ties_are_kept_or_equal(load: Import) -> None:
    result = load(LOG, "--ties", "name")
    assert (result.code, "--ties takes no 'name'" in result.err) == (2, True)


def test_a_log_that_lists_one_person_after_the_other(load: Import, events: Events) -> None:
    """The later person first: within a person the file's order is what happened."""
    rows = [("b", "view", "11:00:00"), ("b", "buy", "11:00:00"), ("a", "view", "10:00:00"), ("a", "buy", "10:00:00")]
    load("user,event,time\n" + "".join(f"{who},{event},2024-01-01 {at}\n" for who, event, at in rows))
    order = [(row[1], row[2]) for row in events()]
    assert order == [("a", "view"), ("a", "buy"), ("b", "view"), ("b", "buy")]
