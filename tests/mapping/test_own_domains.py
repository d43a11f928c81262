"""The company's own domain is proposed from its admins, and never one at which anybody has an address."""

from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.mapping.conftest import Reader
from usertrack.mapping.own_domains import company_domain
from usertrack.workspace.settings import load_settings

SCHEMA = """
CREATE TABLE users (id serial PRIMARY KEY, email text, created_at timestamptz DEFAULT now() - interval '9 d', {flag});
INSERT INTO users (email, {name}) SELECT 'user' || n || '@customer' || n || '.com', {no} FROM generate_series(1, 9) n;
INSERT INTO users (email, {name}) SELECT 'Dev' || n || '@Acme.com', {yes} FROM generate_series(1, 4) AS n;
INSERT INTO users (email, {name}) SELECT 'ann' || n || '@gmail.com', {yes} FROM generate_series(1, 9) AS n;
INSERT INTO users (email, {name}) VALUES ('boss@customer1.com', {yes});
CREATE TABLE jobs (id int PRIMARY KEY, user_id int REFERENCES users, status text, created_at timestamptz);
"""


@pytest.mark.parametrize(
    ("flag", "no", "yes"), [("is_admin boolean", "false", "true"), ('"platformRole" text', "'MEMBER'", "'ADMIN'")]
)
def test_the_domain_of_most_admins_is_taken(
    cli: Cli, reader: Reader, tmp_path: Path, flag: str, no: str, yes: str
) -> None:
    reader(SCHEMA.format(flag=flag, name=flag.split()[0], no=no, yes=yes))
    done = cli("init", tmp_path / "own", "--from-database", "--yes")
    assert "4 admins have an e-mail at acme.com" in done.err
    assert "taken for your own people: `internal: [acme.com]`" in done.err
    assert load_settings(workspace=tmp_path / "own")["internal"] == ["acme.com"]
    again = cli("init", tmp_path / "own", "--from-database", "--yes")
    assert "internal: [" not in again.err


def test_nothing_is_taken_where_nobody_is_an_admin(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader(SCHEMA.format(flag="nickname text", name="nickname", no="'a'", yes="'admin'"))
    done = cli("init", tmp_path / "own", "--from-database", "--yes")
    assert "4 accounts have an e-mail at acme.com" in done.err
    assert "may be your own people: `internal: [acme.com]`" in done.err
    assert not load_settings(workspace=tmp_path / "own").names_own_people


@pytest.mark.parametrize(
    ("email", "domain"),
    [("Ann <Ann@Acme.com>", "acme.com"), ("ann@gmail.com", ""), ("local@localhost", ""), ("", ""), ("no address", "")],
)
def test_free_mail_is_no_company(email: str, domain: str) -> None:
    assert company_domain(email) == domain
