"""Answers as files to download, written as the command line writes them."""

import re
import tempfile
from collections.abc import Iterator
from typing import IO, BinaryIO, cast

from starlette.responses import Response, StreamingResponse

from usertrack.core.document import Document
from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.table import Table
from usertrack.render import data

_IN_MEMORY = 1 << 22  # bytes; larger files are on disk until they are sent
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def written(answer: Document | Table, fmt: str) -> IO[bytes]:
    """The file of an answer in ``fmt``, while its rows are there. Raises UsageError for an unknown format."""
    if fmt not in _TYPES:
        raise UsageError(f"no format named '{fmt}'", did_you_mean(fmt, _TYPES, "formats: " + ", ".join(_TYPES)))
    file = empty_file()
    table = answer.table if isinstance(answer, Document) else answer
    if isinstance(answer, Document) and fmt == "json" and answer.data is not None:
        file.write(data.document(answer))
    elif table is not None:
        data.write(table, fmt, cast(BinaryIO, file))
    return file


def empty_file() -> IO[bytes]:
    """A file to write, which `download` closes when it is sent."""
    return tempfile.SpooledTemporaryFile(_IN_MEMORY)


def download(file: IO[bytes], name: str, fmt: str) -> Response:
    """``file`` as a download called ``name``."""
    safe_name = re.sub(r"[^\w.-]+", "-", name)[:100]
    file.seek(0)

    def pieces() -> Iterator[bytes]:
        with file:
            while piece := file.read(1 << 16):
                yield piece

    headers = {"content-disposition": f'attachment; filename="{safe_name}.{fmt}"'}
    return StreamingResponse(pieces(), media_type=_TYPES[fmt], headers=headers)
