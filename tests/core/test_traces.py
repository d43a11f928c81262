"""An e-mail is found in packed files, too: in the parts of ClickHouse and in parquet."""

import struct
from pathlib import Path

import duckdb
import pytest
from pyarrow import Codec

from usertrack.core.traces import files_with

ANN = "ann@x.example"


def frame(method: int, name: str, text: bytes) -> bytes:
    packed = Codec(name).compress(text, asbytes=True)
    return bytes(16) + struct.pack("<BII", method, len(packed) + 9, len(text)) + packed


@pytest.mark.parametrize(("method", "name"), [(0x82, "lz4_raw"), (0x90, "zstd")])
def test_in_a_frame_of_clickhouse_and_across_two(tmp_path: Path, method: int, name: str) -> None:
    around = b"is it ann or not? ann or not? ann or not?"
    file = tmp_path / "all_1_1_0/data.bin"
    file.parent.mkdir()
    file.write_bytes(frame(method, name, around + b" ann@x") + frame(method, name, b".example" + around))
    assert files_with([tmp_path], ANN) == [file]
    assert files_with([tmp_path], ANN, proven={file.parent}) == []
    assert files_with([tmp_path], "ben@x.example") == []


def test_in_parquet(tmp_path: Path) -> None:
    file = tmp_path / "0.parquet"
    duckdb.sql(f"COPY (SELECT '{ANN}' AS email FROM range(1000)) TO '{file}' (COMPRESSION zstd)")
    assert files_with([tmp_path], ANN) == [file]


def test_a_damaged_file_is_searched_as_far_as_it_goes(tmp_path: Path) -> None:
    file = tmp_path / "data.bin"
    file.write_bytes(frame(0x82, "lz4_raw", ANN.encode() * 9) + frame(0x82, "lz4_raw", b"whatever" * 9)[:-9])
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    assert files_with([tmp_path], ANN) == [file]
