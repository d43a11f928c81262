"""The one owner of the ClickHouse data directory: opens it, creates the schema, runs statements."""

from importlib import resources
from pathlib import Path
from typing import Any


class Store:
    """Embedded ClickHouse in ``path``. Safe to call from several threads; one process may hold a directory."""

    def __init__(self, path: Path) -> None:
        from chdb import session

        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._session: Any = session.Session(str(path / "clickhouse"))
        for statement in resources.files(__package__).joinpath("schema.sql").read_text().split(";\n"):
            if statement.strip():
                self._session.query(statement)

    def query(self, sql: str, fmt: str = "JSONCompact") -> bytes:
        """Run ``sql`` and return its result in the ClickHouse format ``fmt``; raises chdb's ``ChdbError``."""
        result: bytes = self._session.query(sql, fmt).bytes()
        return result

    def close(self) -> None:
        self._session.close()
