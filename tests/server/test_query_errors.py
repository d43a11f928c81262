"""Which answer a ClickHouse error becomes."""

import pytest

from usertrack.server.database.execute import api_error


@pytest.mark.parametrize(
    ("message", "status", "code", "detail"),
    [
        ("Code: 159. DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED)", 504, "clickhouse_timeout_exceeded",
         "Query has hit the max execution time before completing. Try reducing its scope by changing the time range."),
        ("Code: 241. DB::Exception: Query memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)", 504,
         "clickhouse_memory_limit_exceeded",
         "Query has hit the memory limit before completing. Try reducing its scope by changing the time range."),
        ("Code: 53. DB::Exception: No (a): In scope SELECT 1 SETTINGS readonly = 2, x = 1. (TYPE_MISMATCH)", 400,
         "type_mismatch", "No (a): In scope SELECT 1"),
        ("Code: 43. DB::Exception: Bad argument. Stack trace: 0. somewhere (ILLEGAL_TYPE_OF_ARGUMENT)", 400,
         "illegal_type_of_argument", "Bad argument."),
        ("Code: 49. DB::Exception: Oops. (LOGICAL_ERROR)", 500, "error", "ClickHouse error while executing query."),
        ("something else", 500, "error", "ClickHouse error while executing query."),
    ],
)  # fmt: skip
def test_clickhouse_errors(message: str, status: int, code: str, detail: str) -> None:
    error = api_error(message)
    assert (error.status, error.code, error.detail) == (status, code, detail)
