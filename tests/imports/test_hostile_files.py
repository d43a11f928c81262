"""Names and values of a file are data, whatever they look like to SQL, JSON, a terminal or a file system."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from usertrack.server.database.store import Store
from usertrack.server.imports.events import ImportOptions
from usertrack.server.imports.load import import_file

from .conftest import parquet

NASTY = [
    "'",
    '"',
    "`",
    "\\",
    "); DROP TABLE posthog.events; --",
    "a.b",
    "{c0}",
    "c0",
    "timestamp",
    "\x1b[31m",
    "é\u202e",
    "=1+1",
    "ö\n",
]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=12)
# %2E is how the store itself writes a dot in a name
NAMES = st.lists(
    st.one_of(TEXT, st.sampled_from(NASTY)).filter(lambda name: name.strip() and "%2E" not in name),
    min_size=1, max_size=4, unique_by=str.strip,
)  # fmt: skip
NEEDED = ("who did it", "what", "when")
MAPPING = [f"{target}={name}" for target, name in zip(("distinct_id", "event", "timestamp"), NEEDED, strict=True)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("hostile"))
    yield store
    store.close()


def silent(message: str, *, passing: bool = False) -> None:
    pass


@pytest.mark.slow
@given(NAMES, st.lists(st.one_of(TEXT, st.sampled_from(NASTY)), min_size=6, max_size=6))
@example(["`", "'"], NASTY[:6])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_and_value_of_csv(store: Store, tmp_path: Path, names: list[str], values: list[str]) -> None:
    names = [name for name in names if name.strip() not in NEEDED]
    user, event, *rest = values
    row = [rest[number % len(rest)] for number, _ in enumerate(names)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow([*NEEDED, *names])
    writer.writerow(["first", "x", "2024-01-01", *["text"] * len(names)])
    writer.writerow([user, event, "2024-01-02", *row])
    file = tmp_path / "log.csv"
    file.write_text(text.getvalue(), newline="")
    store.query("TRUNCATE TABLE posthog.events")
    import_file(store, ImportOptions(file, file, MAPPING), "phc", datetime.now(UTC), silent)
    records = store.rows("SELECT distinct_id, event, properties FROM posthog.events WHERE timestamp = '2024-01-02'")
    assert records == [[user, event, {name.strip(): value for name, value in zip(names, row, strict=True)}]]


def test_names_of_parquet_columns(store: Store, tmp_path: Path) -> None:
    columns = ", ".join(f"'v{number}' AS " + '"' + name.replace('"', '""') + '"' for number, name in enumerate(NASTY))
    file = parquet(tmp_path / "log.parquet", f"SELECT 1 AS user_id, 'x' AS event, 1704067200 AS ts, {columns}")
    store.query("TRUNCATE TABLE posthog.events")
    options = ["timestamp=ts", f"property.{NASTY[0]}={NASTY[1]}"]
    import_file(store, ImportOptions(file, file, options, [NASTY[0]]), "phc'", datetime.now(UTC), silent)
    expected = {name: f"v{number}" for number, name in enumerate(NASTY)}
    (properties,) = store.rows("SELECT properties FROM posthog.events")[0]
    assert properties == {NASTY[0]: "v1"} | {name: expected[name] for name in NASTY[2:]}
