"""An e-mail is found in packed files, too: in the parts of ClickHouse and in parquet."""

import json
import os
import struct
from pathlib import Path
from unicodedata import normalize
from urllib.parse import quote

import duckdb
import pytest
from pyarrow import Codec

from usertrack.core.traces import ERASED, files_with, without

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


@pytest.mark.parametrize(
    "text",
    [
        "to MÜLLER+1@x.de, again",
        "Mu\u0308ller+1@X.DE",
        json.dumps("MÜLLER+1@x.de"),
        quote("MÜLLER+1@x.de"),
        quote("mu\u0308ller+1@x.de").lower(),
        f"?next={quote(quote('MÜLLER+1@x.de'))}",
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_in_letters_of_the_other_case_and_composed_or_not(tmp_path: Path, text: str, form: str) -> None:
    email = normalize(form, "müller+1@x.de")
    (file := tmp_path / "texts").write_text(text)
    assert files_with([tmp_path], email) == [file]
    assert ERASED in without(email, text)
    assert files_with([tmp_path], normalize(form, "möller+1@x.de")) == []
    assert files_with([tmp_path], email, ["to" + email, "a" + email]) == [file]


def test_in_parquet(tmp_path: Path) -> None:
    file = tmp_path / "0.parquet"
    duckdb.sql(f"COPY (SELECT '{ANN}' AS email FROM range(1000)) TO '{file}' (COMPRESSION zstd)")
    assert files_with([tmp_path], ANN) == [file]


def test_a_damaged_file_is_searched_as_far_as_it_goes(tmp_path: Path) -> None:
    file = tmp_path / "data.bin"
    file.write_bytes(frame(0x82, "lz4_raw", ANN.encode() * 9) + frame(0x82, "lz4_raw", b"whatever" * 9)[:-9])
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    assert files_with([tmp_path], ANN) == [file]


def test_a_folder_that_another_run_removes_meanwhile_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def removed_first(path: str) -> object:
        if str(path).endswith("run-1") and (tmp_path / "run-1").exists():
            (tmp_path / "run-1").rmdir()
        return scandir(path)

    (tmp_path / "run-1").mkdir()
    (tmp_path / "run-2").mkdir()
    (tmp_path / "run-2/rows.csv").write_text(ANN)
    monkeypatch.setattr(os, "scandir", removed_first)
    assert files_with([tmp_path], ANN) == [tmp_path / "run-2/rows.csv"]
