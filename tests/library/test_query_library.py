"""The shipped query library: what holds for every query, on the demo and on paper."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from scripts.query_docs import PAGE, SEED, page
from tests.conftest import AS_OF, Cli
from usertrack.core.table import Table
from usertrack.engine.connect import open_runner
from usertrack.engine.runner import Runner
from usertrack.library.entities import KINDS
from usertrack.library.library import Library, Statement, shipped_root
from usertrack.library.sql import tables_of
from usertrack.workspace.settings import load_settings

LIBRARY = Library([shipped_root() / "queries"])
NAMES = list(LIBRARY)
OF_EVERYBODY = ("neon/own_accounts", "posthog/own_people", "posthog/log_begin")
OWN_PEOPLE = {source: LIBRARY.expanded("NOT {is_internal}", source, ()) for source in ("posthog", "neon")}
NOBODY_OF_OURS = LIBRARY.expanded("id NOT IN {not_customers}", "posthog", ())
"""Where no other property of persons is read: nothing is joined to each event."""
NOBODY_WHO_SAID_NO = (
    NOBODY_OF_OURS,
    "countIf({opted_out})",  # how many they are
    "FROM persons WHERE {opted_out}",  # their ids
    LIBRARY.expanded("NOT ({email_of_person} IS NULL AND {opted_out})", "posthog", ()),  # the others by their e-mail
)


def spaced(sql: str) -> str:
    """``sql`` on one line, without comments."""
    return " ".join(re.sub(r"--.*", "", sql).split())


@contextmanager
def demo_runner(cache: Path) -> Iterator[Runner]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        with open_runner(
            load_settings(demo=True, env={}), LIBRARY, now=AS_OF, notify=lambda text, *, passing=False: None
        ) as runner:
            yield runner


@pytest.fixture(scope="module")
def runner(demo_cache: Path, demo_postgres: str) -> Iterator[Runner]:
    with demo_runner(demo_cache) as opened:
        yield opened


def answer(runner: Runner, name: str, **params: object) -> Table:
    """The answer with defaults, and with a person, a tool and a path of the demo where one must be named."""
    if name in ("posthog/signal_names", "posthog/signal_visible"):
        everybody = runner.table(Statement("posthog", "SELECT toString(id) AS id FROM persons LIMIT 100"))
        params["people"] = [id_ for (id_,) in everybody.rows]
    required = {
        "email": ["dan.moreau@hooli.example"],
        "who": "dan.moreau@hooli.example",
        "tool": "web_scrape",
        "source": "/",
        "target": "/pricing",
        "steps": ["user_signed_up", "onboarding_started"],
        "conditions": ["true", "true"],
        "until": AS_OF,
        **dict.fromkeys(("since", "origin", "before", "from", "first"), AS_OF - timedelta(days=90)),
    }
    defaults = {
        p: required[p] for p, known in LIBRARY[name].params.items() if known.default is None and p not in params
    }
    return runner.table(runner.bind(name, {**defaults, **params}))


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is(name: str) -> None:
    assert LIBRARY[name].title
    assert LIBRARY[name].about


@pytest.mark.parametrize("name", NAMES)
def test_leaves_out_your_own_people(name: str) -> None:
    query = LIBRARY[name]
    is_filtered = any(spaced(way) in spaced(query.sql) for way in (OWN_PEOPLE[query.source], NOBODY_OF_OURS))
    assert is_filtered != (bool(query.people) or name in OF_EVERYBODY)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("posthog/") and name not in OF_EVERYBODY])
def test_leaves_out_who_opted_out(name: str) -> None:
    sql = spaced(LIBRARY[name].sql)
    assert sum(sql.count(spaced(way)) for way in NOBODY_WHO_SAID_NO) == max(1, sql.count("{opted_out}"))


@pytest.mark.parametrize("name", NAMES)
def test_no_limit(name: str) -> None:
    # of each kind so many, as its parameter says, is what was asked for
    assert not re.search(r"\bLIMIT\b(?! \{\w+\} BY )", spaced(LIBRARY[name].sql), re.IGNORECASE)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("neon/")])
def test_reads_entities_and_no_tables(name: str) -> None:
    assert not tables_of(Library([shipped_root() / "queries"], absent=KINDS)[name].sql)


@pytest.mark.parametrize("name", LIBRARY.present(NAMES))  # its accounts do not say when they began to pay
def test_answers_on_the_demo(runner: Runner, name: str) -> None:
    table = answer(runner, name)
    assert len(table.rows) > 0
    assert {*LIBRARY[name].facts, *filter(None, [LIBRARY[name].key])} <= set(table.names)
    if LIBRARY[name].key:
        keys = [row[LIBRARY[name].key] for row in table.dicts()]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", ["neon/top_tools", "neon/tool_users", "neon/tool_kinds"])
def test_tool_tables_add_up_to_the_overview(runner: Runner, name: str) -> None:
    every, *_ = answer(runner, "neon/tools_overview", days=90).dicts()
    parts = answer(runner, name, days=90).dicts()
    for column in ("calls", "unattributed", "finished"):
        assert every[column] == sum(part[column] for part in parts), column


def test_every_query_of_the_seed_is_there() -> None:
    assert {name for names in SEED.values() for name in names} <= set(NAMES)
    assert [int(item[3:5]) for item in SEED] == [16, *range(32, 56), 67, 68, 69, 80]


def test_the_page_about_them_is_fresh() -> None:
    assert PAGE.read_text() == page(LIBRARY), "docs/queries.md is stale: run `python scripts/query_docs.py`"


def _bare(sql: str) -> str:
    bare = re.sub(r"--[^\n]*|\s+", "", sql)
    return bare[1:-1] if bare.startswith("(") else bare


def test_no_query_holds_the_text_of_a_fragment() -> None:
    library = Library([shipped_root() / "queries"])
    of_keys = {path.stem for path in (shipped_root() / "queries").glob("by_*/fragments/*/*.sql")}
    for name in library:
        query = library[name]
        fragments = library.fragments(query.source).values()
        for fragment in (each for each in fragments if each.name not in of_keys):  # to name the e-mail itself is right
            assert _bare(fragment.sql) not in _bare(query.written), f"{name}: {{{fragment.name}}}"


def test_a_fifo_and_a_device_among_the_queries_are_errors(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("posthog: {project_id: 1}\n")
    folder = tmp_path / "queries/neon"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe.sql")
    (folder / "zero.sql").symlink_to("/dev/zero")
    assert cli("query", "list").code == 0
    for name in ("pipe", "zero"):
        refused = cli("query", "run", f"neon/{name}")
        assert (refused.code, f"{name}.sql: it is not a regular file" in refused.err) == (2, True)
