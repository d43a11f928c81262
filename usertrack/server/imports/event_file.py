"""Opens a CSV, JSON lines or parquet file of events for ClickHouse, with names and values quoted in statements."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.core.errors import QueryError, UsageError, UsertrackError
from usertrack.core.temporary import temporary_folder
from usertrack.server.hogql.sql import identifier, quote
from usertrack.server.imports.exports import export_of, raw_at, text_of

if TYPE_CHECKING:
    from usertrack.server.database.session import ClickHouseSession

# no leading zeros, which identifiers and postcodes have; no more digits than are kept exactly
NUMBER = r"^-?(0|[1-9]\d{0,17})(\.\d+)?([eE][+-]?\d{1,2})?$"
SUFFIXES = re.compile(r"\.(?:parquet|(?:csv|jsonl)(?:\.(?:gz|zst|xz|bz2))?)")
_TEXT = re.compile(r"\.(?:(?P<csv>csv|tsv)|jsonl|ndjson|json)(?P<packed>\.(?:gz|zst|xz|bz2))?$", re.I)
_CSV_SETTINGS = {
    "input_format_csv_skip_first_lines": 1,
    "input_format_csv_skip_trailing_empty_lines": 1,
    "input_format_csv_trim_whitespaces": 0,
}
_SAMPLE_ROWS = 25_000  # rows that decide the kind of a CSV column
_MAX_FIELDS = 1000  # of JSON lines; each becomes a column, and exports have about 50
CONVERT = "if it is text, convert it first, such as with `iconv -f WINDOWS-1252 -t UTF-8`"
_KINDS = {
    "String": "text", "FixedString": "text", "Bool": "bool",
    "Date": "date", "Date32": "date", "DateTime": "time", "DateTime64": "time",
    "Array": "object", "Map": "object", "Tuple": "object", "JSON": "object",
}  # fmt: skip


@dataclass(frozen=True)
class FileColumn:
    """``sql`` is its name in statements. ``kind``: text number bool time date object other; ``naive``: no timezone.

    ``written``: a column of CSV, whose values are texts and never NULL; a ``number`` or ``bool`` there reads as one.
    ``raw``: a field of JSON lines, which are written, too: the name of its JSON; ``computed`` of several fields.
    """

    name: str
    sql: str
    kind: str
    naive: bool = False
    written: bool = False
    raw: str = ""
    computed: bool = False


@dataclass(frozen=True)
class EventFile:
    """A file as ``relation`` for FROM; statements that read it must end with ``SETTINGS`` and ``settings``.

    JSON lines have their text as the column ``line``. Where they are the export of a service, ``known`` maps targets of
    the mapping to columns, and ``left_out`` columns repeat others.
    """

    path: Path
    columns: tuple[FileColumn, ...]
    relation: str
    settings: str
    header_lines: int = 0
    known: dict[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def is_csv(self) -> bool:
        return self.header_lines > 0

    @property
    def has_lines(self) -> bool:
        return any(column.raw for column in self.columns)

    def __getitem__(self, name: str) -> FileColumn:
        return next(column for column in self.columns if column.name == name)


@contextmanager
def open_file(session: "ClickHouseSession", path: Path, display_path: Path) -> Iterator[EventFile]:
    """The file at ``path`` with its columns; raises UsageError for one that cannot be read or has no rows.

    Messages name it ``display_path``, as its owner knows it: an uploaded file lies elsewhere.
    """
    from chdb import ChdbError

    suffix = suffix_of(path)
    with temporary_folder() as folder:
        link = folder / f"events{suffix}"  # a link, as ClickHouse would read wildcards in the path itself
        link.symlink_to(path.resolve())
        try:
            read = {".parquet": _parquet, ".jsonl": _json_lines}.get(link.suffixes[0], _csv)
            file = read(session, display_path, link)
            rows = session.rows(f"SELECT 1 FROM {file.relation} LIMIT 1 SETTINGS {file.settings}")
        except (RuntimeError, ChdbError) as error:
            raise unreadable(session, display_path, error) from None
        if not rows:
            raise UsageError(f"'{display_path}' holds no rows", "there is nothing to import")
        yield file


def suffix_of(path: Path) -> str:
    """The kind of the file: `.parquet`, `.csv`, `.jsonl`, `.csv.gz` and the like. Raises UsageError for any other."""
    if path.is_fifo() or path.is_char_device():
        raise UsageError(f"'{path}' is a pipe, and an import reads its file more than once", "write it to a file first")
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise UsageError(f"cannot read '{path}': {error.strerror}") from None
    if not start:
        raise UsageError(f"'{path}' is empty", "there is nothing to import")
    if start == b"PAR1":
        return ".parquet"
    if start == b"PK\3\4":
        raise UsageError(f"'{path}' is a ZIP archive", "unpack it first, and import each of its files")
    if path.suffix.lower() in (".parquet", ".pq"):
        raise UsageError(f"'{path}' is no parquet file", "if it is text, let its name end in .csv")
    if match := _TEXT.search(path.name):
        return f"{'.csv' if match['csv'] else '.jsonl'}{(match['packed'] or '').lower()}"
    raise UsageError(
        f"'{path}' is neither CSV, JSON lines nor parquet by its name", "files end in .csv, .jsonl, .csv.gz or .parquet"
    )


# parquet


def _parquet(session: "ClickHouseSession", path: Path, link: Path) -> EventFile:
    from chdb import ChdbError

    source = f"file({quote(str(link))}, 'Parquet')"
    try:
        described = session.rows(f"DESCRIBE {source}")
    except (RuntimeError, ChdbError):
        raise UsageError(f"'{path}' is no parquet file that can be read", "was it written to its end?") from None
    prefix = _unused([name for name, *_ in described])
    # columns of times without a timezone, which ClickHouse reads as UTC
    metadata = f"SELECT columns.path, columns.logical_type FROM file({quote(str(link))}, 'ParquetMetadata')"
    ((paths, types),) = session.rows(metadata)
    naive = {path for path, type_ in zip(paths, types, strict=True) if "isAdjustedToUTC=false" in type_}
    columns = tuple(
        FileColumn(name, f"{prefix}{number}", _kind(type_), naive=name in naive)
        for number, (name, type_, *_) in enumerate(described)
    )
    cells = ", ".join(f"{identifier(column.name)} AS {column.sql}" for column in columns)
    return EventFile(path, columns, f"(SELECT {cells} FROM {source})", "use_hive_partitioning = 0")


def _kind(type_: str) -> str:
    bare = re.sub(r"^(?:LowCardinality\()?(?:Nullable\()?", "", type_)
    name = bare.partition("(")[0].rstrip(")")
    return _KINDS.get(name) or ("number" if re.match(r"U?Int|Float|BFloat|Decimal", name) else "other")


def _unused(names: Sequence[str]) -> str:
    prefix = "c"
    while any(name.startswith(prefix) for name in names):
        prefix += "_"
    return prefix


# CSV


def _csv(session: "ClickHouseSession", path: Path, link: Path) -> EventFile:
    names, delimiter, lines = _header(session, path, link)
    structure = ", ".join(f"c{number} String" for number in range(len(names)))
    settings = _CSV_SETTINGS | {"format_csv_delimiter": quote(delimiter)}
    file = EventFile(
        path,
        tuple(FileColumn(name, f"c{number}", "text", written=True) for number, name in enumerate(names)),
        f"file({quote(str(link))}, 'CSV', {quote(structure)})",
        ", ".join(f"{name} = {value}" for name, value in settings.items()),
        lines,
    )
    # a CSV column is of numbers when all values of the first rows are numbers
    counts = ", ".join(
        f"[countIf({c} != ''), countIf(match({c}, {quote(NUMBER)})), countIf(lower({c}) IN ('true', 'false'))]"
        for c in (column.sql for column in file.columns)
    )
    (counts_of_columns,) = session.rows(f"SELECT {counts} FROM {_first(file)}")
    kinds = [
        "text" if not int(filled) else "number" if filled == numbers else "bool" if filled == bools else "text"
        for filled, numbers, bools in counts_of_columns
    ]
    columns = tuple(replace(column, kind=kind) for column, kind in zip(file.columns, kinds, strict=True))
    return replace(file, columns=columns)


def _header(session: "ClickHouseSession", path: Path, link: Path) -> tuple[list[str], str, int]:
    """The names of the columns, the delimiter, and the number of lines of the header.

    The delimiter is that of , ; tab | which gives the header the most columns.
    """
    from chdb import ChdbError

    text = f"FROM file({quote(str(link))}, 'LineAsString', 'line String') LIMIT 100"
    try:
        rows = session.rows(f"SELECT toValidUTF8(line), isValidUTF8(line) {text}")
    except (RuntimeError, ChdbError):
        raise UsageError(f"'{path}' cannot be read", "is it compressed as its name says?") from None
    lines = [line for line, _ in rows]
    header, delimiter, count = max((_split(lines, mark) for mark in ",;\t|"), key=lambda split: len(split[0]))
    for number, (line, sound) in enumerate(rows[: count or 1], 1):
        if not sound or "\0" in line:
            raise UsageError(f"line {number} of '{path}' is not text in UTF-8", CONVERT)
    names = [name.strip() or f"column_{number}" for number, name in enumerate(header, 1)]
    if not names:
        raise UsageError(f"the first line of '{path}' does not name columns", "put their names there")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two columns of '{path}' are called '{twice}'", "give each a name of its own")
    return names, delimiter, count


def _split(lines: Sequence[str], delimiter: str) -> tuple[list[str], str, int]:
    reader = csv.reader([f"{line}\n".removeprefix("\ufeff") for line in lines], delimiter=delimiter)
    try:
        return next(reader, []), delimiter, reader.line_num
    except csv.Error:
        return [], delimiter, 0


# JSON lines


def _json_lines(session: "ClickHouseSession", path: Path, link: Path) -> EventFile:
    """The fields of all lines as columns, and those that are made of several in the exports of a service."""
    lines = f"(SELECT line FROM file({quote(str(link))}, 'LineAsString', 'line String') WHERE match(line, '\\S'))"
    ((names,),) = session.rows(
        f"SELECT arraySort(groupUniqArray({_MAX_FIELDS + 1})(arrayJoin(JSONExtractKeys(line)))) FROM {lines}"
    )
    if not names:
        raise UsageError(f"'{path}' has no JSON object in its lines", "`jq -c '.[]'` makes lines of an array")
    if len(names) > _MAX_FIELDS:
        raise UsageError(
            f"the lines of '{path}' have more than {_MAX_FIELDS} fields", "put them into one, `properties`"
        )
    export = export_of(names)
    fields = [*((name, raw_at(name)) for name in names), *export.computed.values()]
    columns = tuple(
        FileColumn(name, f"c{number}", "text", written=True, raw=f"r{number}", computed=number >= len(names))
        for number, (name, _) in enumerate(fields)
    )
    cells = (f"{sql} AS r{number}, {text_of(f'r{number}')} AS c{number}" for number, (_, sql) in enumerate(fields))
    return EventFile(
        path,
        columns,
        f"(SELECT line, {', '.join(cells)} FROM {lines})",
        "use_hive_partitioning = 0",
        known={**export.named, **{target: name for target, (name, _) in export.computed.items()}},
        left_out=export.left_out,
    )


def _first(file: EventFile) -> str:
    return f"(SELECT * FROM {file.relation} LIMIT {_SAMPLE_ROWS}) SETTINGS {file.settings}"


def holds_objects(session: "ClickHouseSession", file: EventFile, name: str) -> bool:
    """Whether any value of the column ``name`` is a JSON object; one is enough, as others may be broken."""
    column = file[name]
    text = {"text": f"ifNull({column.sql}, '')", "object": f"toJSONString({column.sql})"}.get(column.kind)
    select = f"SELECT 1 FROM {file.relation} WHERE JSONType({text}) = 'Object' LIMIT 1 SETTINGS {file.settings}"
    return bool(text and session.rows(select))


def unreadable(session: "ClickHouseSession", path: Path, error: Exception) -> UsertrackError:
    """A ClickHouse error about the file at ``path`` in the user's terms."""
    message = str(error)
    if "NOT_ENOUGH_SPACE" in message or "No space left" in message:
        return UsageError(
            f"no space left for the events of '{path}' in {session.path}", "nothing was imported; make room"
        )
    if row := re.search(r"\(at row (\d+)\)", message):
        number = "more" if "Expected end of line" in message else "fewer"
        return UsageError(
            f"row {row[1]} of '{path}', after its header, has {number} columns than the first line names",
            "nothing was imported, as all that follows may be read wrongly; is there a quote or a comma too many or "
            "too few? `--skip-bad` leaves out values that are wrong, not rows that are torn",
        )
    if not message.strip():  # chDB loses its message about bytes that are no text
        return UsageError(f"'{path}' cannot be read as text", "nothing was imported; is it a CSV in UTF-8?")
    reason = (message.partition("DB::Exception: ")[2] or message).strip().splitlines()[0].rstrip(". ")
    return QueryError(f"'{path}' cannot be imported: {reason}", "nothing was imported")
