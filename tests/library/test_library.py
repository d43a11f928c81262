"""Query files: what a header may say, where parameters are, and what is no query at all."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import problem
from usertrack.checks.workspace import check_fragments
from usertrack.core.errors import UsageError
from usertrack.library.library import Library, Statement, for_key, read_query, shipped_root
from usertrack.library.sql import placeholders, statement_of, tokens_of

OFFERED = {"as_of": datetime(2026, 11, 20, tzinfo=UTC), "internal": ["a.example"], "own_people": [], "timezone": "UTC"}


def write(tmp_path: Path, text: str, name: str = "neon/some") -> Path:
    path = tmp_path / f"{name}.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read(tmp_path: Path, text: str, name: str = "neon/some") -> Any:
    return read_query(write(tmp_path, text, name), name)


@pytest.mark.parametrize(
    ("name", "sql", "mend"),
    [
        ("neon/some", "SELECT\n{email}, '{email}'", "write {email} without the quotes"),
        ("neon/some", "SELECT {email} WHERE\nx = E'{EMAIL}'::text", "write {EMAIL} without the quotes"),
        ("neon/some", "SELECT {email} WHERE\nx LIKE '%{TOOL_NAME}%'", "write '%' || {TOOL_NAME} || '%'"),
        ("posthog/some", "SELECT {email} WHERE\nx LIKE '%{email}-x'", "write concat('%', {email}, '-x')"),
        ("posthog/some", "SELECT {email} WHERE\nday > '{as_of}'", "write {as_of} without the quotes"),
    ],
)
def test_a_placeholder_in_quotes_is_told(tmp_path: Path, name: str, sql: str, mend: str) -> None:
    error = problem(lambda: read(tmp_path, f"-- title: a\n-- params: {{email: x}}\n{sql}", name))
    assert error.message.startswith(f"{tmp_path / name}.sql:4: ")
    assert error.hint == mend


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        (
            "neon/some",
            "'{}', '{other}', '{A}', '{\"email\": 1}', '{EMAIL,B}', x #>> '{email}', '{email}'::text[] -- '{email}'",
        ),
        ("posthog/some", "'{}', '{other}', '{email: 1}', f'{email}' /* '{email}' */"),
    ],
)
def test_other_braces_in_quotes_are_data(tmp_path: Path, name: str, texts: str) -> None:
    assert texts in read(tmp_path, f"-- title: a\n-- params: {{email: x}}\nSELECT {{email}}, {texts}\n;", name).sql


def test_a_whole_header(tmp_path: Path) -> None:
    query = read(
        tmp_path,
        "-- title: Runs\n-- about: >\n--   Who ran\n--   what.\n-- key: email\n--\n"
        "-- params: {days: 30, share: 0.5, names: [a, b], deep: true, since: 2026-01-01, who: {type: text}}\n"
        "-- facts:\n--   runs: {label: runs, type: int, absent: 0}\n\n\n"
        "-- a comment of the SQL\nSELECT {days}, {share}, {names}, {deep}, {since}, {who}, {as_of} FROM x;\n--end\n",
    )
    assert (query.title, query.about.strip(), query.key, query.line) == ("Runs", "Who ran what.", "email", 12)
    assert [(p.name, p.type, p.default) for p in query.params.values()] == [
        ("days", "int", 30),
        ("share", "float", 0.5),
        ("names", "list", ["a", "b"]),
        ("deep", "bool", True),
        ("since", "timestamp", datetime(2026, 1, 1, tzinfo=UTC)),
        ("who", "text", None),
    ]
    assert query.facts["runs"].default == 0
    assert query.sql.endswith("FROM x")
    bound = query.bind({"who": "x", "days": 7}, OFFERED)
    assert bound.values["days"] == 7
    assert bound.values["as_of"] == OFFERED["as_of"]
    assert bound.types["since"] == "timestamp"


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("SELECT 1", 1, "needs a header with a title", "-- title"),
        ("", 1, "needs a header with a title", "-- title"),
        ("-- title: a\n-- params: {a: [\nSELECT 1", 2, "not valid YAML", "in quotes"),
        ("-- title: a\n-- params: {a: 2026-13-01}\nSELECT {a}", 1, "not valid YAML", "in quotes"),
        ("-- just text\nSELECT 1", 1, "needs a header with a title", "-- title"),
        ("-- title: [a]\nSELECT 1", 1, "'title' takes a text", ""),
        ("-- title: a\n-- key: {a: b}\nSELECT 1", 2, "'key' takes a text", ""),
        ("-- title: a\n-- key: [a, 1]\nSELECT 1", 2, "'key' takes a name, or a list of names", ""),
        ("-- title: a\n-- parms: {}\nSELECT 1", 2, "unknown key 'parms'", "'params'"),
        ("-- title: a\n-- params: [a]\nSELECT 1", 2, "'params' takes a mapping", ""),
        ("-- title: a\n-- params: {a: null}\nSELECT {a}", 2, "needs a default or a type", "{type: int}"),
        ("-- title: a\n-- about: 'a: b'\n-- params:\n--   a: null\nSELECT {a}", 4, "needs a default or a type", ""),
        ("-- title: a\n-- params: {a: [1]}\nSELECT {a}", 2, "takes a list of texts", ""),
        ("-- title: a\n-- params: {a: {type: whole}}\nSELECT {a}", 2, "no known type", "timestamp"),
        ("-- title: a\n-- params: {a: {type: int, default: x}}\nSELECT {a}", 2, "takes a whole number, not 'x'", ""),
        ("-- title: a\n-- params: {a: {type: int, default: true}}\nSELECT {a}", 2, "takes a whole number", ""),
        ("-- title: a\n-- params:\n--   b: 1\nSELECT 1", 3, "'b' is declared but not used", "{b}"),
        ("-- title: a\n-- params: {days: 1}\nSELECT {days},\n  {day}", 4, "'day' is used but not declared", "'days'"),
        ("-- title: a\nSELECT {as_off}", 2, "used but not declared", "'as_of'"),
        ("-- title: a\n-- facts: {runs: 3}\nSELECT 1", 2, "needs a label and a type", "label"),
        ("-- title: a\n-- facts: {runs: {label: x, type: whole}}\nSELECT 1", 2, "no known type", "int"),
        ("-- title: a\n\n\nDELETE FROM x", 4, "only SELECT may run, this begins with 'DELETE'", "never writes"),
        ("-- title: a\nSELECT 1; SELECT 2", 2, "more than one statement", "one SELECT"),
        ("-- title: a\n\n-- nothing", 3, "there is no SQL here", "one SELECT"),
        ("-- title: a\nSELECT 'open", 2, "never ends", ""),
        ("-- title: a\nSELECT 1 \0", 2, "NUL", "text file"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, line: int, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert caught.value.message.startswith(f"{tmp_path / 'neon/some.sql'}:{line}: ")
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_files_of_other_systems(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    path.write_bytes("\ufeff-- title: a\r\nSELECT 'x\u2028y\x0cz'\r\n".encode())
    assert read_query(path, "neon/some").sql == "SELECT 'x\u2028y\x0cz'"
    path.write_bytes(b"-- title: \xff\nSELECT 1")
    with pytest.raises(UsageError, match="cannot be read as UTF-8"):
        read_query(path, "neon/some")


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT {a}, { b }, {a}", ["a", "b", "a"]),
        ("SELECT '{a}', {b}, \"{a}\" -- {a}\n /* {a} /* {a} */ */", ["b"]),
        ("SELECT $$ {a} $$, $x$ {a} $$ $x$, {b}", ["b"]),
        ("SELECT E'it\\'s {a}', {b}", ["b"]),
        ("SELECT 'C:\\', {b}, 'x'", ["b"]),
        ("SELECT 'it''s {a}', {b}", ["b"]),
        ("SELECT '{1,2}'::int[], '{\"a\": {a}}'::jsonb #>> '{a,b}', ARRAY[{b}], x[1:{b}]", ["b", "b"]),
        ("SELECT '😀', {b}", ["b"]),
        ("SELECT {user}, {limit}, {date}", ["user", "limit", "date"]),
    ],
)
def test_parameters_in_postgres(sql: str, names: list[str]) -> None:
    places = placeholders(sql, "neon")
    assert [name for name, _, _ in places] == names
    assert all(sql[start:end].strip("{ }") == name for name, start, end in places)


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT properties.$browser, person.properties.$x, {a}", ["a"]),
        ("SELECT 'it\\'s {a}', {b} // {a}\n", ["b"]),
        ("SELECT `{a}`, {b}, [1, {c}], {'d': {e}}", ["b", "c", "e"]),
        ("SELECT arrayMap(x -> x + {a}, range({b}))", ["a", "b"]),
        ("SELECT '$$', {a}, '$$'", ["a"]),
    ],
)
def test_parameters_in_hogql(sql: str, names: list[str]) -> None:
    assert [name for name, _, _ in placeholders(sql, "posthog")] == names


GOOD = ["SELECT 1", "select 1 ; ;", "((SELECT 1))", "-- a\n/* b */ WITH a AS (SELECT 1) SELECT * FROM a", "SELECT ';'"]
BAD = [
    "",
    ";",
    "-- a",
    "UPDATE x SET a = 1",
    "(DELETE FROM x)",
    "SELECT 1; DROP TABLE x",
    "EXPLAIN SELECT 1",
    "x",
    "'SELECT'",
]


@pytest.mark.parametrize("source", ["neon", "posthog"])
def test_one_statement_that_reads(source: str) -> None:
    for sql in GOOD:
        assert not statement_of(sql, source).endswith(";")
    assert statement_of("SELECT 1; -- the end", source) == "SELECT 1"
    for sql in BAD:
        with pytest.raises(UsageError):
            statement_of(sql, source)


PIECES = "SELECT|'|\"|$$|$a$|{|}|x|--|/*|*/|\n|E'|\\|;|`|{{|{#|1e|0x|@|\0"


@given(st.text() | st.lists(st.sampled_from(PIECES.split("|"))).map("".join))
def test_any_text_is_read_or_refused(sql: str) -> None:
    for source in ("neon", "posthog"):
        for function in (tokens_of, placeholders, statement_of):
            with suppress(UsageError):
                function(sql, source)


HEADER = "-- title: a\n-- params: {n: {type: int}, x: 0.5, t: a, b: true, l: [a], at: {type: timestamp}}\n"
TYPED = HEADER + "SELECT {n}, {x}, {t}, {b}, {l}, {at}"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("n", "-7", -7),
        ("x", "1e3", 1000.0),
        ("t", " {x} '\"", " {x} '\""),
        ("b", "No", False),
        ("l", " a, b,,", ["a", "b"]),
        ("at", "2026-11-20T09:00+02:00", datetime(2026, 11, 20, 7, tzinfo=UTC)),
    ],
)
def test_values_of_a_command_line(tmp_path: Path, name: str, text: str, value: Any) -> None:
    assert read(tmp_path, TYPED).params[name].parse(text) == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("n", "1.5", "takes a whole number, not '1.5'"),
        ("n", "9" * 5000, "takes a whole number"),
        ("x", "nan", "takes a number"),
        ("x", "inf", "takes a number"),
        ("b", "maybe", "takes true or false"),
        ("at", "yesterday", "takes a date or time"),
        ("at", "0001-01-01T00:00+14:00", "takes a date or time"),
    ],
)
def test_wrong_values_of_a_command_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(tmp_path, TYPED).params[name].parse(text)


def test_binding(tmp_path: Path) -> None:
    query = read(tmp_path, TYPED)
    with pytest.raises(UsageError, match="has no parameter 'nn'") as caught:
        query.bind({"nn": 1}, OFFERED)
    assert "'n'" in caught.value.hint
    with pytest.raises(UsageError, match="needs a value for 'n'") as caught:
        query.bind({}, OFFERED)
    assert "--param n=" in caught.value.hint
    with pytest.raises(UsageError, match="takes a whole number, not 'x'"):
        query.bind({"n": "x", "at": OFFERED["as_of"]}, OFFERED)


def test_text_that_is_none(tmp_path: Path) -> None:
    for values in ({"a": "\udcff"}, {"a": ["b", "\udcff"]}):
        with pytest.raises(UsageError, match="parameter 'a' is not valid text"):
            Statement("neon", "SELECT {a}", values)
    with pytest.raises(UsageError, match="the SQL is not valid text"):
        Statement("neon", "SELECT '\udcff'")


def test_one_row_of_a_query() -> None:
    statement = for_key(Statement("neon", 'SELECT 1 AS "E-Mail" -- end', key="E-Mail"), "a'b")
    assert statement.sql == (
        'SELECT * FROM (SELECT 1 AS "E-Mail" -- end\n) AS keyed '
        'WHERE lower(CAST("E-Mail" AS text) COLLATE "C") LIKE {usertrack_key}'
    )
    assert statement.values == {"usertrack_key": "%a_b%"}


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        ("{label: a, type: float, merge: last}", "'by' must be there"),
        ("{label: a, type: float, by: t}", "go with 'merge: last'"),
        ("{label: a, type: float, merge: last, by: t, wins: b}", "go with 'merge: last'"),
        ("{label: a, type: float, merge: last, by: n}", "'n', by which 'a' is merged, is no time"),
    ],
)
def test_how_rows_of_one_person_are_merged(tmp_path: Path, fact: str, message: str) -> None:
    facts = f"--   a: {fact}\n--   n: {{label: n, type: int}}\n--   t: {{label: t, type: time}}\n"
    write(tmp_path, f"-- title: t\n-- key: k\n-- facts:\n{facts}SELECT 1 AS k, 2 AS a, 3 AS n, now() AS t")
    with pytest.raises(UsageError, match=message):
        Library([tmp_path])["neon/some"]


def test_the_shipped_queries_can_be_read() -> None:
    library = Library([shipped_root() / "queries"])
    assert all(library[name].title for name in library)
    assert all(library[name].shipped for name in library)


def test_names(tmp_path: Path) -> None:
    write(tmp_path, "-- title: mine\nSELECT 1", "neon/accounts")
    write(tmp_path, "-- title: mine\nSELECT 1", "posthog/deep/twin")
    write(tmp_path, "-- title: mine\nSELECT 1", "neon/twin")
    (tmp_path / "neon" / "folder.sql").mkdir()
    library = Library([shipped_root() / "queries", tmp_path])
    assert (library["accounts"].title, library["neon/accounts"].shipped) == ("mine", False)
    assert library["posthog/deep/twin"].source == "posthog"
    for name, message, hint in [
        ("acounts", "no query named 'acounts'", "'accounts'"),
        ("twin", "several queries are named 'twin'", "neon/twin"),
        ("folder", "it is not a regular file", ""),
        ("qqqq", "no query named 'qqqq'", "query list"),
    ]:
        with pytest.raises(UsageError) as caught:
            library[name]
        assert message in caught.value.message
        assert hint in caught.value.hint


def test_fragments_stand_in_queries_with_their_parameters(tmp_path: Path) -> None:
    write(
        tmp_path, "-- title: big\n-- params: {least: 3}\n\n-- not this\nx > {least}\nAND {even}\n", "fragments/neon/big"
    )
    write(tmp_path, "-- title: even\nx % 2 = 0", "fragments/neon/even")
    write(tmp_path, "-- title: a\nSELECT x\nFROM t\nWHERE '{big}' != y\n    AND {big}\nORDER BY {day}\n", "neon/bad")
    write(tmp_path, "-- title: a\nSELECT x\nFROM t\nWHERE y\n    AND {big}\n")
    library = Library([tmp_path])
    assert library["neon/some"].sql == "SELECT x\nFROM t\nWHERE y\n    AND x > {least} AND x % 2 = 0"
    assert library.compiled("neon/some") == "SELECT x\nFROM t\nWHERE y\n    AND x > {least}\n    AND x % 2 = 0"
    assert library["neon/some"].bind({}, OFFERED).values == {"least": 3}
    with pytest.raises(UsageError, match=r"bad\.sql:6: parameter 'day' is used but not declared"):
        library["neon/bad"]  # the line is that of the file


def test_a_workspaces_fragment_wins_and_a_parameter_wins_over_both(tmp_path: Path) -> None:
    write(tmp_path, "-- title: limit\n5", "shipped/fragments/neon/most")
    write(tmp_path, "-- title: limit\n7", "own/fragments/neon/most")
    write(tmp_path, "-- title: a\nSELECT {most}", "own/neon/a")
    write(tmp_path, "-- title: b\n-- params: {most: 9}\nSELECT {most}", "own/neon/b")
    library = Library([tmp_path / "shipped", tmp_path / "own"])
    assert (library["neon/a"].sql, library["neon/b"].sql) == ("SELECT 7", "SELECT {most}")
    assert library.fragments_in(library["neon/a"]) == {"most": tmp_path / "own/fragments/neon/most.sql"}
    assert library.fragments_in(library["neon/b"]) == {}
    [finding] = check_fragments(library)
    assert (finding.level, finding.subject) == ("note", "fragment most")


def test_a_fragment_that_holds_itself(tmp_path: Path) -> None:
    write(tmp_path, "-- title: a\n{b}", "fragments/neon/a")
    write(tmp_path, "-- title: b\n{a}", "fragments/neon/b")
    write(tmp_path, "-- title: q\nSELECT {a}", "neon/some")
    with pytest.raises(UsageError, match="the fragment 'a' holds itself: a → b → a"):
        Library([tmp_path])["neon/some"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- title: a\nx = 1 -- of the event", "comments on lines of their own"),
        ("-- title: a\nx /* why */ = 1", "comments on lines of their own"),
        ("-- title: a\nx = 'a\n-- b'", "goes on to the next line|never ends"),
        ("-- title: a\n1); DROP TABLE x; SELECT (1", "no ';'"),
        ("-- title: a\n(x = 1", "no pair"),
        ("-- title: a\n", "empty"),
        ("-- title: a\n-- key: email\nx", "a fragment has no 'key'"),
        ("-- title: a\n-- params: {most: 5}\nx", "'most' is declared but not used"),
    ],
)
def test_what_is_no_fragment_is_said_of_its_own_file(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, text, "fragments/neon/paying")
    write(tmp_path, "-- title: q\nSELECT y WHERE {paying} AND NOT {ours}", "neon/some")
    write(tmp_path, "-- title: r\nSELECT y", "neon/other")
    library = Library([tmp_path])
    assert library["neon/other"].sql == "SELECT y"
    with pytest.raises(UsageError, match=rf"paying\.sql.*({message})"):
        library["neon/some"]
    assert [finding.subject for finding in check_fragments(library)] == ["fragment paying"]


def test_no_fragment_takes_the_place_of_what_every_query_is_given(tmp_path: Path) -> None:
    write(tmp_path, "-- title: a\nfalse", "fragments/posthog/opted_out")
    write(tmp_path, "-- title: q\nSELECT 1 WHERE NOT {opted_out}", "posthog/some")
    with pytest.raises(UsageError, match="is what usertrack gives to every query"):
        Library([tmp_path])["posthog/some"]
