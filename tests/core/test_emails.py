"""One table of strings, and what every engine has to make of each."""

import json
import re
from pathlib import Path

import duckdb
import psycopg
import pytest

from tests.databases import database
from tests.people import Company, furnished
from usertrack.core.emails import email_in, email_in_duckdb, email_in_hogql, email_in_postgres, emails_in_postgres
from usertrack.library.library import Statement

TABLE: dict[str, str | None] = json.loads((Path(__file__).parent / "emails.json").read_text(encoding="utf-8"))


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(TABLE) >= 60
    assert sum(email is None for email in TABLE.values()) >= 20


def test_python_reads_each_text_as_the_table_says() -> None:
    assert {text: email_in(text) or None for text in TABLE} == TABLE
    assert all(email_in(email) == email for email in TABLE.values() if email)


@pytest.mark.parametrize("text", ["a@b?{}<", "a@b{}x", "{}a@b", "{}<a@b", "a@b>{}x", "<{}@b", "a@{}b@"])
def test_a_long_text_takes_no_longer_than_its_length(text: str) -> None:
    for filling in (" ", "?", ">", ".", "a", "\\n"):
        email_in(text.format(100_000 * filling))  # for hours, if two parts of the pattern match the same


def test_duckdb_reads_each_text_as_python_does() -> None:
    rows = duckdb.execute(
        f"SELECT t, {email_in_duckdb('t')} FROM (SELECT unnest(?::VARCHAR[]) AS t)", [list(TABLE)]
    ).fetchall()
    assert dict(rows) == TABLE


@pytest.mark.parametrize("collation", ["default", "C"])
def test_postgres_reads_each_text_as_python_does(collation: str) -> None:
    texts = [text for text in TABLE if "\0" not in text]  # which PostgreSQL cannot store
    with database() as dsn, psycopg.connect(dsn) as connection:
        read = email_in_postgres(f't COLLATE "{collation}"')
        rows = connection.execute(f"SELECT t, {read} FROM unnest(%s::text[]) AS t".encode(), [texts]).fetchall()
    assert dict(rows) == {text: TABLE[text] for text in texts}


def test_several_addresses_in_one_text_are_each_read() -> None:
    texts = {"b@x.de  Ann <A@x.de>,\u00a0c@x.de.;@": "a@x.de b@x.de c@x.de", "none": None}
    with database() as dsn, psycopg.connect(dsn) as connection:
        rows = connection.execute(
            f"SELECT t, {emails_in_postgres('t')} FROM unnest(%s::text[]) AS t".encode(), [[*texts]]
        ).fetchall()
    assert {text: emails and " ".join(sorted(emails.split())) for text, emails in rows} == texts


def test_a_database_of_another_encoding_is_read_too() -> None:
    with database() as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        with psycopg.connect(re.sub(r"/test_\d+\?", "/latin?", dsn)) as latin:
            read = f"SELECT {email_in_postgres('t')} FROM (SELECT 'Jörg <JöRG@x.de.>' AS t) AS written"
            assert latin.execute(read.encode("latin-1")).fetchone() == ("jörg@x.de",)
        connection.execute("DROP DATABASE latin")


def test_hogql_reads_each_text_as_python_does(tmp_path: Path) -> None:
    company = Company()
    persons = {company.person(text): text for text in TABLE}
    with database() as dsn, furnished(tmp_path, dsn, company) as office, office.runner("posthog") as runner:
        asked = f"SELECT toString(id) AS id, {email_in_hogql('properties.email')} AS email FROM persons"
        answer = runner.table(Statement("posthog", asked, key="id"))
        read = {persons[id_]: email for id_, email in answer.rows}
    assert read == TABLE
