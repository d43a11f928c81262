"""Reports and segments with pseudonyms: nobody's e-mail in any format, and figures that still hold."""

import re
from itertools import product
from pathlib import Path

import duckdb
import pytest

from usertrack.core.pseudonyms import Pseudonyms

from ..conftest import Cli, slow_but

# words around an @ that are no address of the demo: none
ADDRESS = re.compile(r"[\w.+'%{}-]+@[\w-]+\.(?:example|dev)")


@pytest.fixture
def keyed(demo: Cli, clean_env: pytest.MonkeyPatch) -> Cli:
    clean_env.setenv("USERTRACK_PSEUDONYM_KEY", "test")
    return demo


def text_of(path: Path) -> str:
    if path.suffix == ".parquet":
        return str(duckdb.sql(f"SELECT columns(*)::VARCHAR FROM '{path}'").fetchall())
    if path.suffix == ".xlsx":
        import openpyxl

        return str([row for sheet in openpyxl.load_workbook(path) for row in sheet.iter_rows(values_only=True)])
    return path.read_text()


def emails(text: str) -> set[str]:
    return {email for email in ADDRESS.findall(text) if not re.fullmatch(r"u-[0-9a-f]{16}@datagen\.dev", email)}


@pytest.mark.parametrize(
    "ending", slow_but(["txt", "csv", "html"], ["txt", "json", "csv", "md", "html", "parquet", "xlsx"])
)
def test_segments(keyed: Cli, tmp_path: Path, ending: str) -> None:
    result = keyed("segments", "--pseudonyms", "-n", 0, "-o", f"out.{ending}")
    assert result.code == 0, result.err
    text = text_of(tmp_path / f"out.{ending}")
    assert len(set(re.findall(r"u-[0-9a-f]{16}", text))) > 600
    assert emails(text) | emails(result.err) == set()


@pytest.mark.parametrize("ending", slow_but(["html", "csv"], ["txt", "md", "html", "csv"]))
def test_people_of_a_step(keyed: Cli, tmp_path: Path, ending: str) -> None:
    result = keyed("funnel", "activation", "--stopped-at", 2, "--pseudonyms", "-o", f"out.{ending}")
    assert result.code == 0, result.err
    text = text_of(tmp_path / f"out.{ending}")
    assert len(set(re.findall(r"u-[0-9a-f]{16}", text))) > 10
    assert emails(text) == set()


USER = ["user", "percent%s{0}@hooli.example"]


@pytest.mark.parametrize(
    ("args", "ending"),
    slow_but(
        [(USER, "txt")],
        [
            (["weekly"], "html"),
            *product([USER], ["json", "html", "txt"]),
            *product([["segment", "failing"]], ["json", "md"]),
        ],
    ),
)
def test_reports(keyed: Cli, tmp_path: Path, args: list[str], ending: str) -> None:
    file = tmp_path / f"out.{ending}"
    result = keyed("report", *args, "--pseudonyms", "-o", file)
    assert result.code == 0, result.err
    assert re.search(r"u-[0-9a-f]{16}", file.read_text())
    assert emails(file.read_text()) == set()
    assert "${jndi}" not in file.read_text()  # the name
    if ending == "html":
        code = keyed("report", "verify", file).code
        assert code == (2 if args[0] == "user" else 0)


def test_the_same_every_time_and_only_with_the_key() -> None:
    pseudonyms, other = Pseudonyms(b"a", ["datagen.dev"]), Pseudonyms(b"b")
    assert pseudonyms.of(" Ann@X.example") == pseudonyms.of("ann@x.example") != other.of("ann@x.example")
    assert re.fullmatch(r"u-[0-9a-f]{16}@datagen\.dev", pseudonyms.of("qa@staging.datagen.dev"))
    text = pseudonyms.text("mail 'u-boat@x.example', <ann@x.example>; and o'brien@x.example.")
    assert (re.sub("u-[0-9a-f]{16}", "P", text), pseudonyms.text(text)) == ("mail 'P', <P>; and P.", text)


def test_a_key_is_made_once(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").touch()
    first = demo("segments", "failing", "--pseudonyms", "--demo", "-f", "json")
    key = tmp_path / ".usertrack/pseudonym.key"
    assert key.stat().st_mode & 0o777 == 0o600
    again = demo("segments", "failing", "--pseudonyms", "--demo", "-f", "json")
    keys = [set(re.findall(r"u-[0-9a-f]{16}", result.out)) for result in (first, again)]
    assert keys[0] == keys[1] != set()
    assert key.read_text().strip() not in first.out + first.err
