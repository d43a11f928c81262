"""Making a workspace and its query files; nothing that exists is ever lost."""

from pathlib import Path

import pytest

from tests.conftest import Cli, problem, slow_but
from usertrack.library.causes import read_catalogue
from usertrack.library.library import SOURCES, Library, shipped_root
from usertrack.product.funnel.numbers import named_funnels
from usertrack.segments.rules import read_rules
from usertrack.workspace.scaffold import create_query, create_workspace
from usertrack.workspace.settings import load_settings

GUIDE = Path(__file__).parents[2] / "docs/guide/queries.md"
SHIPPED = Library([shipped_root() / "queries"])


def test_a_new_one_is_complete_and_valid(tmp_path: Path) -> None:
    written = {path.relative_to(tmp_path).as_posix() for path in create_workspace(tmp_path / "acme")}
    assert {
        "acme/usertrack.yaml",
        "acme/segments.yaml",
        "acme/patterns.yaml",
        "acme/failures.yaml",
        "acme/funnels.yaml",
        "acme/.gitignore",
    } <= written
    settings = load_settings(workspace=tmp_path / "acme", env={})
    assert settings["posthog.host"] == "https://us.posthog.com"
    assert settings.uses_demo
    assert set(read_rules(tmp_path / "acme" / "segments.yaml").sets) == {"action", "lifecycle", "offers"}


def test_the_example_of_a_cause_is_valid_once_uncommented(tmp_path: Path) -> None:
    create_workspace(tmp_path)
    path = tmp_path / "failures.yaml"
    assert read_catalogue([path]).rules == ()
    path.write_text(
        path.read_text().replace("rules: []", "rules:").replace("\n#  - ", "\n  - ").replace("\n#    ", "\n    ")
    )
    causes = read_catalogue([path, shipped_root() / "failures.yaml"])
    assert causes.cause_of("tool", "disk quota of acme exceeded").label == "Disk quota (acme)"


def test_the_example_of_a_funnel_is_valid_once_uncommented(tmp_path: Path) -> None:
    create_workspace(tmp_path)
    path = tmp_path / "funnels.yaml"
    assert named_funnels([path]) == {}
    path.write_text(path.read_text().replace("\n# checkout", "\ncheckout").replace("\n#   ", "\n  "))
    assert [step.events for step in named_funnels([path])["checkout"].steps[1:]] == [
        ("checkout_started",),
        ("paid", "subscribed"),
    ]


def test_the_shipped_funnels_can_be_left_out(tmp_path: Path) -> None:
    path, shipped = tmp_path / "funnels.yaml", shipped_root() / "funnels.yaml"
    path.write_text("shipped: false\nown: {steps: [a, b]}")
    assert list(named_funnels([path, shipped])) == ["own"]
    path.write_text("shipped: {steps: [packed, handed_over]}")
    assert list(named_funnels([path, shipped])) == ["shipped", "activation"]
    path.write_text("shipped: 'no'")
    assert "funnels.yaml:1: 'shipped' is true or false" in problem(lambda: named_funnels([path, shipped])).message


def test_a_funnel_of_any_event_that_never_ends(tmp_path: Path) -> None:
    path = tmp_path / "funnels.yaml"
    path.write_text('back: {steps: [signed_up, "*", paid], window: none}')
    back = named_funnels([path])["back"]
    assert ([step.text for step in back.steps], back.window) == (["signed_up", "any event", "paid"], None)


def test_twice_changes_nothing(tmp_path: Path) -> None:
    create_workspace(tmp_path)
    (tmp_path / "segments.yaml").write_text("mine")
    assert create_workspace(tmp_path) == []
    assert (tmp_path / "segments.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "belongs"),
    slow_but(
        [("segments.yaml", "file"), ("queries", "folder")],
        [("segments.yaml", "file"), ("failures.yaml", "file"), ("funnels.yaml", "file"), ("queries", "folder")],
    ),
)
def test_the_shipped_one_does_not_stand_in_for_what_cannot_be_read(
    cli: Cli, tmp_path: Path, name: str, belongs: str
) -> None:
    path = tmp_path / name
    (tmp_path / "usertrack.yaml").touch()
    path.symlink_to(path)
    result = cli("check", "-f", "json")
    # nothing can be checked without queries, or without the causes of failures that they give
    assert result.code == (5 if name in ("segments.yaml", "funnels.yaml") else 2)
    assert f"{name}: a link that leads nowhere, where a {belongs} belongs" in result.out + result.err
    path.unlink()
    path.touch() if belongs == "folder" else path.mkdir()
    result = cli("check", "-f", "json")
    assert f"where a {belongs} belongs" in result.out + result.err


def test_as_typed(cli: Cli, tmp_path: Path) -> None:
    result = cli("init", "acme")
    assert result.code == 0
    assert "note: wrote acme/usertrack.yaml" in result.err
    assert "usertrack doctor" in result.err
    assert "acme is a workspace already; nothing was changed" in cli("init", "acme").err


@pytest.mark.parametrize("place", ["/proc/acme", "file/acme", "/dev/null"])
def test_where_nothing_can_be_written(cli: Cli, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    result = cli("init", place)
    assert result.code == 2
    assert f"error: cannot make a workspace in '{place}'" in result.err


@pytest.mark.parametrize("source", SOURCES)
def test_a_new_query_is_valid_as_it_stands(tmp_path: Path, source: str) -> None:
    path = create_query(tmp_path, f"{source}/sub/pricing-views_2", SHIPPED)
    assert path == tmp_path / "queries" / source / "sub" / "pricing-views_2.sql"
    query = Library([shipped_root() / "queries", tmp_path / "queries"])[f"{source}/sub/pricing-views_2"]
    assert (query.title, query.key) == ("Sub/pricing-views 2", "email")
    assert list(query.facts) == ["pricing_views_2"]
    assert set(query.used) - {"opted_out"} == {"as_of", "days", "internal", "own_people"}
    assert ("opted_out" in query.used) == (source == "posthog")


def test_the_guide_shows_what_a_new_query_holds(tmp_path: Path) -> None:
    written = create_query(tmp_path, "posthog/pricing_views", SHIPPED).read_text()
    assert f"`usertrack query new posthog/pricing_views` starts this one:\n\n```sql\n{written}```" in GUIDE.read_text()


def test_a_new_query_runs_as_it_is(demo: Cli) -> None:
    demo("init")
    for source, name in (("posthog", "2nd-try"), ("neon", "my_signups")):
        demo("query", "new", f"{source}/{name}")
        result = demo("query", "run", f"{source}/{name}", "-f", "csv")
        lines = result.out.splitlines()
        assert (result.code, lines[0]) == (0, {"posthog": "email,n_2nd_try", "neon": "email,my_signups"}[source])
        assert len(lines) > 10
        counts = [int(line.rpartition(",")[2]) for line in lines[1:]]
        assert counts == sorted(counts, reverse=True)
        assert "datagen.dev" not in result.out


def test_a_shipped_query_is_copied(tmp_path: Path) -> None:
    path = create_query(tmp_path, "neon/accounts", SHIPPED)
    assert path.read_text() == (shipped_root() / "queries/neon/accounts.sql").read_text()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("accounts", "does not say where the query runs"),
        ("postgres/x", "does not say where the query runs"),
        ("neon/", "does not say where the query runs"),
        ("neon/../../etc/x", "is not a name for a query"),
        ("neon/x.sql", "is not a name for a query"),
        ("neon/a b", "is not a name for a query"),
        ("neon//x", "is not a name for a query"),
    ],
)
def test_names_that_are_none(tmp_path: Path, name: str, message: str) -> None:
    assert message in problem(lambda: create_query(tmp_path, name, SHIPPED)).message
    assert list(tmp_path.rglob("*.sql")) == []


def test_what_exists_stays(tmp_path: Path) -> None:
    create_query(tmp_path, "neon/mine", SHIPPED).write_text("mine")
    assert "exists already" in problem(lambda: create_query(tmp_path, "neon/mine", SHIPPED)).message
    assert (tmp_path / "queries/neon/mine.sql").read_text() == "mine"


def test_a_query_needs_a_workspace(cli: Cli) -> None:
    result = cli("query", "new", "neon/mine")
    assert result.code == 2
    assert "`usertrack init` makes one" in result.err


def test_the_workspace_s_own_query_wins(cli: Cli, tmp_path: Path) -> None:
    cli("init")
    assert "wrote queries/neon/accounts.sql" in cli("query", "new", "neon/accounts").err
    listed = cli("query", "list", "-f", "csv").out.splitlines()
    assert next(line for line in listed if line.startswith("neon/accounts,")).endswith(",workspace")
    assert next(line for line in listed if line.startswith("neon/run_activity,")).endswith(",shipped")


def test_found_from_a_folder_below(cli: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cli("init")
    cli("query", "new", "neon/mine")
    clean_env.chdir(tmp_path / "queries" / "neon")
    assert "neon/mine" in cli("query", "list").out
