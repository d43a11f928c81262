"""SQL as tokens of its dialect: its parameters, and whether it is one statement that reads.

Text in strings, quoted names and comments is never taken for SQL.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from usertrack.core.errors import UsageError
from usertrack.core.source_names import POSTGRES

if TYPE_CHECKING:
    from sqlglot import Dialect, Token, exp


@lru_cache(maxsize=2048)  # as many as `_tokens`
def placeholders(sql: str, source: str) -> tuple[tuple[str, int, int], ...]:
    """Each ``{name}`` in ``sql`` outside strings and comments, with its start and end offsets."""
    from sqlglot import TokenType

    tokens = tokens_of(sql, source)
    positions = []
    for opening, name, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if (
            opening.token_type is TokenType.L_BRACE
            and closing.token_type is TokenType.R_BRACE
            and name.text.isidentifier()
            and name.token_type not in {TokenType.STRING, TokenType.IDENTIFIER}
        ):
            positions.append((name.text, opening.start, closing.end + 1))
    return tuple(positions)


def check_quotes(sql: str, source: str, names: Collection[str], file: Path | str, line: int = 1) -> None:
    """Raise UsageError for a ``{name}`` inside a text, where it would be no parameter but the text itself.

    Meant as one are ``names``, whatever else is a parameter of ``sql``, and names in capitals, as people paste them.
    Other braces are data, and so is a text that is cast to an array or is the path in a JSON.
    """
    tokens = tokens_of(sql, source)
    known = {*names, *(name for name, _, _ in placeholders(sql, source))}
    for number, token in enumerate(tokens):
        if "{" not in token.text or token.token_type.name not in _TEXTS or _is_data(tokens, number):
            continue
        for name in _BRACED.findall(token.text):
            if name in known or (name.isupper() and len(name) > 1):
                place = f"{file}:{line + sql[: token.start].count(chr(10))}"
                raise UsageError(
                    f"{place}: {{{name}}} is inside quotes, where it is no parameter but a text",
                    f"write {_in_parts(token.text, name, source)}",
                )


_TEXTS = {"STRING", "BYTE_STRING", "NATIONAL_STRING", "UNICODE_STRING", "HEREDOC_STRING"}
_QUOTED = {*_TEXTS, "IDENTIFIER"}
_BRACED = re.compile(r"\{([^\W\d]\w*)\}")


def _is_data(tokens: "list[Token]", number: int) -> bool:
    """Whether the text is a path or an array in PostgreSQL, or in HogQL a template, which has braces of its own."""
    types = [token.token_type.name for token in tokens[number : number + 4]]
    before = tokens[number - 1]
    template = before.text.lower() == "f" and before.end + 1 == tokens[number].start
    return template or before.text in ("#>", "#>>") or types[1:2] + types[3:4] == ["DCOLON", "L_BRACKET"]


def _in_parts(text: str, name: str, source: str) -> str:
    """``text`` as SQL that puts it together from the parameter and what stands around it."""
    parts = [part for part in re.split(rf"(\{{{name}\}})", text) if part]
    written = [part if part == f"{{{name}}}" else "'" + part.replace("'", "''") + "'" for part in parts]
    if len(parts) == 1:
        return f"{written[0]} without the quotes"
    return " || ".join(written) if source == POSTGRES else f"concat({', '.join(written)})"


def tokens_of(sql: str, source: str) -> "list[Token]":
    """The tokens of ``sql`` in the dialect of ``source``; raises UsageError where a string or comment never ends."""
    return list(_tokens(sql, source))


@lru_cache(maxsize=2048)  # a query is looked at several times on its way to its source, as are all by `check`
def _tokens(sql: str, source: str) -> "tuple[Token, ...]":
    import sqlglot
    from sqlglot.errors import TokenError

    try:
        return tuple(sqlglot.tokenize(sql, read=_hogql() if source == "posthog" else "postgres"))
    except TokenError as error:
        raise UsageError("the SQL has a string or comment that never ends", str(error).splitlines()[0][:120]) from error


@cache
def _hogql() -> "type[Dialect]":
    """Return sqlglot's dialect of HogQL: ClickHouse's tokens, with ``$`` in names and ``//`` comments."""
    from sqlglot.dialects.clickhouse import ClickHouse

    class HogQL(ClickHouse):
        class Tokenizer(ClickHouse.Tokenizer):
            HEREDOC_STRINGS: ClassVar[list[str | tuple[str, str]]] = []
            VAR_SINGLE_TOKENS: ClassVar[set[str]] = {"$"}
            COMMENTS: ClassVar[list[str | tuple[str, str]]] = ["--", ("/*", "*/"), "//"]

    return HogQL


@lru_cache(maxsize=2048)  # as many as `_tokens`
def statement_of(sql: str, source: str) -> str:
    """``sql`` without a trailing semicolon, if it is one statement that begins like a read; else raises UsageError.

    This finds mistakes early; the source's own session is what makes sure that nothing is written.
    """
    from sqlglot import TokenType

    if "\0" in sql:
        raise UsageError("the SQL has a character that no SQL has (NUL)", "is it a text file?")
    sql = sql.rstrip()  # as it is returned, so that `_tokens` knows the result when that is read in its turn
    tokens = tokens_of(sql, source)
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        sql = sql[: tokens.pop().start]
    if not tokens:
        raise UsageError("there is no SQL here", "write one SELECT")
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise UsageError("this is more than one statement", "keep one SELECT per query")
    first = next((token for token in tokens if token.token_type is not TokenType.L_PAREN), tokens[0])
    if first.token_type in {TokenType.STRING, TokenType.IDENTIFIER} or first.text.upper() not in {
        "SELECT",
        "WITH",
        "VALUES",
        "TABLE",
    }:
        raise UsageError(f"only SELECT may run, this begins with '{first.text}'", "usertrack never writes to a source")
    return sql.rstrip()


def on_one_line(sql: str) -> str:
    """``sql`` without line breaks; it must hold no comment, and no text that goes on to the next line."""
    return re.sub(r"\s*\n\s*", " ", sql)


def with_ctes(sql: str, ctes: Sequence[str], joint: str) -> str:
    """``sql``, a query of PostgreSQL, with ``ctes`` in front of its own, which these cannot see."""
    first, *rest = tokens_of(sql, POSTGRES)
    texts = f",{joint}".join(ctes)
    if first.text.upper() != "WITH":
        return f"{sql[: first.start]}WITH {texts}{joint}{sql[first.start :]}"
    if rest and rest[0].text.upper() == "RECURSIVE":  # there each CTE sees all others
        return f"{sql[: first.start]}WITH {texts}{joint}SELECT * FROM ({sql[first.start :]}\n) AS recursive"
    return f"{sql[: first.end + 1]} {texts},{joint}{sql[first.end + 1 :].lstrip(' ')}"


@lru_cache(maxsize=512)  # of those who look at a query, each reads its tree
def parsed(sql: str, source: str = POSTGRES) -> "exp.Expr | None":
    """The syntax tree of ``sql``, which nobody may change; None where it cannot be parsed."""
    import sqlglot
    from sqlglot.errors import ParseError, TokenError

    try:
        if source == "posthog":
            return sqlglot.parse_one(_plain_hogql(sql), read=_hogql())
        return sqlglot.parse_one(_numbered(sql, source), read="postgres")
    except (ParseError, TokenError, RecursionError):
        return None


def tables_of(sql: str) -> dict[str, str]:
    """The tables that ``sql``, a query of PostgreSQL, reads, by their alias; none where it cannot be parsed."""
    from sqlglot import exp

    tree = parsed(sql)
    if tree is None:
        return {}
    own = {step.alias for step in tree.find_all(exp.CTE)}
    read = [table for table in tree.find_all(exp.Table) if table.name and (table.db or table.name not in own)]
    return {table.alias_or_name: ".".join(part.sql("postgres") for part in table.parts) for table in read}


def select_list(sql: str) -> list[tuple[int, int]]:
    """Return the start and end of every column in the outermost SELECT of ``sql``, a query of PostgreSQL."""
    places: list[tuple[int, int]] = []
    depth, listing, start, end = 0, False, -1, -1
    for token in tokens_of(sql, POSTGRES):
        sign = "" if token.token_type.name in _QUOTED else token.text.upper()
        if not depth and sign == "SELECT":
            places, listing, start = [], True, -1
            continue
        if listing and not depth and sign in (",", "FROM"):
            places.append((start, end))
            listing, start = sign == ",", -1
            continue
        depth += (sign in _OPENING) - (sign in _CLOSING) if sign else 0
        start, end = token.start if start < 0 else start, token.end + 1
    return [*places, (start, end)] if listing else places


def columns_of(sql: str) -> list[str]:
    """The names of the columns of ``sql``, a query of PostgreSQL; raises UsageError where it does not say them."""
    from sqlglot import exp

    tree = parsed(sql)
    if tree is None:
        raise UsageError("the SQL cannot be parsed", "try it in psql")
    names = tree.named_selects if isinstance(tree, exp.Query) else []
    if not names or tree.is_star or not all(names):
        raise UsageError("the SELECT does not name its columns", "write each as `… AS name` in place of *")
    return list(names)


def _plain_hogql(sql: str) -> str:
    """HogQL with a text in place of each placeholder, and without ``$``, which sqlglot takes for no part of a name."""
    for _, start, end in reversed(placeholders(sql, "posthog")):
        sql = f"{sql[:start]}''{sql[end:]}"
    return sql.replace("$", "_")


def _numbered(sql: str, source: str) -> str:
    """``sql`` with each placeholder as a PostgreSQL parameter of the same length."""
    for _, start, end in reversed(placeholders(sql, source)):
        sql = f"{sql[:start]}{'$1'.ljust(end - start)}{sql[end:]}"
    return sql


@lru_cache(maxsize=512)  # as many as `parsed`
def syntax_error(sql: str) -> tuple[int, str] | None:
    """The line and the text of the first syntax error in ``sql``, a query of PostgreSQL; None without one.

    SQL is wrong when two parsers, sqlglot and DuckDB, refuse it: one may know what the other does not.
    """
    import duckdb
    import sqlglot
    from sqlglot.errors import ParseError, TokenError

    sql = _numbered(sql, POSTGRES)
    try:
        sqlglot.parse_one(sql, read="postgres")
    except (ParseError, TokenError, RecursionError) as error:
        try:
            duckdb.extract_statements(sql)
        except duckdb.Error:
            problem = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
            return int(problem.get("line") or 1), str(problem.get("highlight") or sql.split("\n")[0]).strip()
    return None


_OPENING, _CLOSING = "([", ")]"
_REFUSED = {
    *("SELECT", "WITH", "FROM", "JOIN", "UNION", "INTERSECT", "EXCEPT", "WHERE", "HAVING", "LIMIT", "SETTINGS"),
}
_REFUSED_OUTSIDE_BRACKETS = {"ORDER BY": "ORDER BY", "GROUP BY": "GROUP BY", "AS": "AS", ",": "','"}

_NO_ESCAPE = re.compile(r"(?:[^\\]|\\[bfrnt0av\\'`\"])*?(\\[^bfrnt0av\\'`\"])")


def condition_of(text: str, source: str) -> str:
    """``text`` on one line, if it is one condition and nothing else; else raises UsageError.

    It has no query, no second statement, no placeholder, no comment, and no bracket without its pair: in brackets, it
    can only be one operand of the SQL around it.
    """
    tokens = tokens_of(text, source)
    if not tokens:
        raise UsageError("the condition is empty", "write one such as `properties.plan = 'pro'`")
    if any(token.comments for token in tokens) or _in_a_comment(text, tokens):
        raise _no_condition(text, "it holds a comment")
    open_: list[str] = []
    for token in tokens:
        name = token.token_type.name
        if name in _QUOTED:
            if source == "posthog" and name in _TEXTS and text[: token.start].endswith(("f", "F")):
                raise _no_condition(text, "it holds a template, f'…'", "put texts together with concat()")
            if source == "posthog" and (wrong := _NO_ESCAPE.match(text[token.start : token.end + 1])):
                raise _no_condition(text, f"HogQL has no {wrong[1]}", "a backslash in quotes is written twice")
            continue
        if token.text.upper() in _REFUSED:
            raise _no_condition(text, f"it holds {token.text.upper()}")
        if token.text in ("{", "}", ";", "\\G"):
            raise _no_condition(text, f"it holds '{token.text}'")
        if not open_ and (part := _REFUSED_OUTSIDE_BRACKETS.get(token.text.upper())):
            raise _no_condition(text, f"it holds {part}")
        if token.text in _OPENING:
            open_.append(token.text)
        elif token.text in _CLOSING and (not open_ or _OPENING.index(open_.pop()) != _CLOSING.index(token.text)):
            raise _no_condition(text, f"'{token.text}' has no pair")
    if open_:
        raise _no_condition(text, f"'{open_[-1]}' has no pair")
    return " ".join(text.split("\n")).strip()


def without_comments(sql: str, source: str) -> str:
    """``sql`` without its comments, on the same lines."""
    tokens = tokens_of(sql, source)
    ends, starts = [0, *(token.end + 1 for token in tokens)], [*(token.start for token in tokens), len(sql)]
    gaps = [sql[end:start] for end, start in zip(ends, starts, strict=True)]
    blank = [re.sub(r"[^\S\n]*\S.*", "", gap) + " " if gap.strip() else gap for gap in gaps]
    texts = [sql[token.start : token.end + 1] for token in tokens]
    return "".join(part for pair in zip(blank, [*texts, ""], strict=True) for part in pair)


def check_piece(sql: str, source: str) -> None:
    """Raise UsageError for a fragment that cannot stand on one line within a query."""
    tokens = tokens_of(sql, source)
    if not tokens:
        raise UsageError("the fragment is empty", "write a condition or an expression")
    if any(token.comments for token in tokens) or _in_a_comment(sql, tokens):
        raise UsageError("a fragment has comments on lines of their own alone", "begin the line with `--`")
    if any("\n" in sql[token.start : token.end + 1] for token in tokens):
        raise UsageError("a text or name in the fragment goes on to the next line", "write it on one line")
    if any(token.text == ";" for token in tokens):
        raise UsageError("a fragment holds no ';'", "it is a piece of one statement")
    _check_brackets(tokens)


def _check_brackets(tokens: "list[Token]") -> None:
    depth = 0
    for token in tokens:
        if token.token_type.name in _QUOTED:
            continue
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if depth < 0:
            break
    if depth:
        raise UsageError("a bracket in the fragment has no pair", "each ( and [ is closed where it stands")


def properties_of(condition: str) -> list[str]:
    """The properties in a HogQL condition, as ``plan`` or, of persons, as ``person.plan``."""
    tokens = tokens_of(condition, "posthog")
    names = [_name(condition, token) for token in tokens]
    texts = ["", "", *names, "", ""]
    properties = []
    for before, dot, word, opening, name in zip(texts, texts[1:], texts[2:], texts[3:], texts[4:], strict=False):
        if word == "properties" and opening in (".", "["):
            of_event = dot != "." or before in ("e", "events")
            prefix = "" if of_event else f"{before}."
            properties += [f"{prefix}{name}"] if prefix in ("", "person.") else []
    return list(dict.fromkeys(properties))


def quoted(text: str) -> str:
    """``text`` as a string literal of HogQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def events_of(sql: str, values: Mapping[str, Any]) -> list[list[str]]:
    """The events that a HogQL query needs, to check that they exist: one event of each list has to occur.

    They come from ``event = 'a'``, several of them joined by OR, and from ``event IN ('a', 'b')``; ``values`` has the
    bound ones.
    """
    tokens = tokens_of(sql, "posthog")
    alternatives: list[list[str]] = []
    end = -1  # of the last one
    for at, (name, sign) in enumerate(pairwise(tokens)):
        if name.text != "event" or name.token_type.name == "STRING" or sign.text.upper() not in ("=", "IN"):
            continue
        start = at - 2 if at > 1 and tokens[at - 1].text == "." else at
        if start < at and tokens[start].text == "properties":
            continue
        events, length = _operand(tokens[at + 2 :], values, several=sign.text != "=")
        if end == start - 1 and tokens[end].text.upper() == "OR":
            alternatives[-1] += events
        else:
            alternatives.append(events)
        end = at + 2 + length
    return [events for events in alternatives if events]


def _operand(tokens: "list[Token]", values: Mapping[str, Any], *, several: bool) -> tuple[list[str], int]:
    """The texts at the start of ``tokens``, and how many tokens they take: a placeholder, a text, or a list."""
    if len(tokens) > 2 and tokens[0].text == "{":
        bound = values.get(tokens[1].text, [])
        return [name for name in ([bound] if isinstance(bound, str) else bound) if name], 3
    length = next((at for at, token in enumerate(tokens) if token.text in _CLOSING), 0) + 1 if several else 1
    texts = [token.text for token in tokens[:length] if token.token_type.name == "STRING"]
    return texts if length <= 2 * len(texts) + 1 else [], length  # else it is no list of texts


def _name(text: str, token: "Token") -> str:
    """The full name at ``token`` without quotes; a ``$`` is a token of its own."""
    match = re.compile(r"[\w$]+").match(text, token.start)
    return match[0] if match else str(token.text)


def _in_a_comment(text: str, tokens: "list[Token]") -> bool:
    """Whether there is anything but blanks between the tokens."""
    ends = [0, *(token.end + 1 for token in tokens)]
    starts = [*(token.start for token in tokens), len(text)]
    return any(text[end:start].strip() for end, start in zip(ends, starts, strict=True))


def _no_condition(text: str, why: str, hint: str = "") -> UsageError:
    excerpt = text if len(text) <= 60 else f"{text[:59]}…"
    example = "write one such as `properties.plan = 'pro' AND event != '$pageleave'`"
    return UsageError(f"'{excerpt}' is not a condition: {why}", hint or example)
