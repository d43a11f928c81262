"""Any e-mail and the id of an account name the human: your own people and those who opted out are left out by them."""

from pathlib import Path

from tests.people import Company, ago, office
from usertrack.library.entities import KINDS
from usertrack.library.library import Library, shipped_root
from usertrack.segments.applicable import applicable
from usertrack.segments.profiles import build_profiles
from usertrack.segments.rules import read_rules

CUSTOMER = "ann@acme.example"
SCHEMA = "CREATE TABLE users (id int, email text, emails text, born timestamp)"
ACCOUNTS = "-- title: Users\nSELECT u.id AS account_id, u.email, u.emails, u.born AS signed_up_at FROM users AS u"
TEAM = [
    "x@mail.example Dev <dev@datagen.dev>",
    "x@mail.example\u00a0dev@datagen.dev.",
    "x@mail.example;\u200bDEV\uff20DataGen\uff0edev",
    None,
]


def test_they_are_in_no_answer_of_either_source(tmp_path: Path) -> None:
    rows = Company()

    def user(email: str, emails: str | None = None) -> str:
        users = rows.tables["users"]
        users.append({"id": len(users) + 1, "email": email, "emails": emails, "born": ago(9)})
        return str(len(users))

    def refuses(distinct_id: str, email: str | None) -> None:
        id_ = rows.person(email)
        rows.persons[-1]["properties"]["$opt_out"] = True
        rows.distinct_ids[distinct_id] = id_

    user(CUSTOMER, f"{CUSTOMER} ann@mail.example")
    for number, emails in enumerate(TEAM):
        user(f"team{number}@mail.example", emails)
    rows.distinct_ids["it@datagen.dev"] = rows.person("team3@mail.example")
    user("no@acme.example", "no@acme.example no@mail.example")
    refuses("browser", "no@mail.example")
    refuses(user("never@acme.example"), None)
    (tmp_path / "tables/neon").mkdir(parents=True)
    (tmp_path / "tables/neon/accounts.sql").write_text(ACCOUNTS)
    with office(tmp_path, rows, SCHEMA) as company:
        absent = [kind for kind in KINDS if kind != "accounts"]
        company.library = library = Library([shipped_root() / "queries"], [tmp_path / "tables"], absent)
        with company.runner() as runner:
            profiles = build_profiles(runner, applicable(read_rules(shipped_root() / "segments.yaml"), library))
            assert profiles.connection.execute("SELECT email FROM profile").fetchall() == [(CUSTOMER,)]
            assert (profiles.match.internal_excluded, profiles.match.opted_out) == (4, 2)
            signed_up = runner.table(runner.bind("neon/sign_ups", {"since": ago(30), "until": ago()}))
            assert [row["email"] for row in signed_up.dicts()] == [CUSTOMER]
