"""`init --from-database` where something is not found: it stays unknown, and what was found is written."""

import json
from pathlib import Path

from ..conftest import Cli
from .conftest import Reader

CONTACTS = """
CREATE TABLE customers (id int PRIMARY KEY, password text, last_seen timestamptz);
CREATE TABLE contact_points (
    id int PRIMARY KEY, customer_id int REFERENCES customers, kind text, value text, is_primary bool
);
CREATE TABLE jobs (
    id serial PRIMARY KEY, customer_id int REFERENCES customers, status text, created_at timestamptz DEFAULT now()
);
INSERT INTO customers VALUES (1), (2), (3);
INSERT INTO contact_points VALUES
    (1, 1, 'phone', '+49 30 1', true),
    (2, 1, 'mail', 'old@ada.example', false), (3, 1, 'mail', 'ada@ada.example', true),
    (4, 2, 'mail', 'ben@ben.example', NULL);
INSERT INTO jobs (customer_id, status) SELECT 1, 'done' FROM generate_series(1, 9);
"""


def test_a_sign_up_that_is_not_there_is_not_made_up(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader(CONTACTS)
    answer = cli("init", "acme", "--from-database", "--yes")
    assert answer.code == 0, answer.err
    text = (tmp_path / "acme/tables/neon/accounts.sql").read_text()
    assert "no time of sign-up was found" in text
    assert "epoch" not in text
    listed = cli("segments", "--all-members", "-w", "acme", "-f", "jsonl")
    people = {person["email"]: person["segments"] for person in map(json.loads, listed.out.splitlines())}
    assert people == {"ada@ada.example": ["power"]}
    assert "d ago" not in cli("explain", "ada@ada.example", "-w", "acme").out.split("power")[0]
