"""Trees of queries are kept without what stood in the queries, and are those of the whole text."""

from pathlib import Path

import pytest

from usertrack.server.hogql import HogQLError
from usertrack.server.hogql.literals import with_values, without_values
from usertrack.server.hogql.parse import parse_select
from usertrack.server.hogql.trees import Trees


def stored_tree(folder: Path) -> bytes:
    return b"".join(path.name.encode() + path.read_bytes() for path in folder.glob("**/*.json"))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 'Ann''s', '\\n', 'a\\'b', '', 7, -7, a-7, .5, 1e3, 0x1F, 12345678901234567890 FROM t LIMIT 10 OFFSET 3",
        'SELECT `odd ann`, properties."ann@x.example" AS "team", t.1, (1, \'a\').2, a[2], [1, 2][1], true FROM t',
        "SELECT count() OVER (ROWS BETWEEN 5 PRECEDING AND 3 FOLLOWING), CAST(x AS Decimal(10, 2)), quantile(0.5)(x)",
        "SELECT x FROM events SAMPLE 1/10 WHERE e = 'ann@x.example' -- ann@x.example\nAND x IN (1, 2) LIMIT 5 BY x",
        "SELECT now() - INTERVAL '1 day', now() - INTERVAL 3 DAY, {'ann': 1}, {name} FROM t",
        "SELECT f'to {person} of ann', <a href='x'>ann@x.example</a> # 'ann@x.example'\nFROM t",
        "SELECT `say ``ann@x```, 10.0.0.1 FROM t",
        "SELECT (SELECT 1 WHERE (a = 'ann@x.example') AND (b = 5)) FROM t WHERE (c = 'b') AND (d = 7)",
    ],
)
def test_the_tree_is_that_of_the_text_and_nothing_of_it_is_kept(tmp_path: Path, text: str) -> None:
    for _ in range(2):
        assert repr(Trees(tmp_path / "kept").parse(text)) == repr(parse_select(text))
    assert b"ann" not in stored_tree(tmp_path).lower()


def test_another_value_is_not_parsed_anew(tmp_path: Path) -> None:
    query = "SELECT count() FROM events WHERE event = '{}' AND properties.x > {}".format
    trees = Trees(tmp_path / "kept")
    trees.parse(query("a", 1))
    before = sorted(tmp_path.rglob("*.json"))
    assert trees.parse(query("it\\'s", 2.5)) == parse_select(query("it\\'s", 2.5))
    assert sorted(tmp_path.rglob("*.json")) == before != []


def test_errors_tell_of_the_text_as_it_was_written(tmp_path: Path) -> None:
    with pytest.raises(HogQLError, match="'ann' 'bob'"):
        Trees(tmp_path).parse("SELECT 'ann' 'bob'")


def test_no_value_is_taken_for_another() -> None:
    text = "SELECT '@1', '@0', 1000000000000000, a FROM t"
    shape = without_values(text)
    assert shape
    assert with_values(parse_select(shape[0]), shape[1]) == parse_select(text)
