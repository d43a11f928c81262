"""The first guess of accounts and runs on the tables of open-source products, with real names and invented rows."""

from pathlib import Path

import pytest

from ..conftest import Cli, slow_but
from .conftest import Reader

PRODUCTS = Path(__file__).parent / "products"
GUESSES = {  # accounts, the piece of SQL with their e-mail or plan, and runs: none where the product has none
    "activepieces": ("user_identity", 'p2."stripeSubscriptionStatus" AS subscription_status', "flow_run"),
    "calcom": ("users", "u.created AS signed_up_at", '"Booking"'),
    "dify": ("accounts", "a.last_active_at", "workflow_runs"),
    "documenso": ('"User"', "AS subscription_status", '"Document"'),
    "formbricks": ('"User"', "o.name AS organization", '"Response"'),
    "healthchecks": ("auth_user", "u.date_joined AS signed_up_at", "api_ping"),
    "mattermost": ("users", "AS deleted", None),
    "plausible": ("users", "u.last_seen AS last_active_at", "site_imports"),
    "twenty": ('core."user"', "u.email", 'workspace_1wgvd1injqtife6y4rvfbu3h5."workflowRun"'),
    "umami": ('"user"', "u.user_id AS account_id", None),
}


@pytest.mark.slow
@pytest.mark.parametrize("product", slow_but(["documenso", "twenty"], GUESSES))
def test_first_guess(cli: Cli, reader: Reader, tmp_path: Path, product: str) -> None:
    reader((PRODUCTS / f"{product}.sql").read_text())
    answer = cli("init", "acme", "--from-database", "--yes")
    assert answer.code == 0, answer.err
    accounts, piece, runs = GUESSES[product]
    tables = tmp_path / "acme/tables/neon"
    text = (tables / "accounts.sql").read_text()
    assert f"FROM {accounts} AS " in text
    assert piece in text
    assert (tables / "runs.sql").exists() == bool(runs)
    if runs:
        assert f"FROM {runs} AS " in (tables / "runs.sql").read_text()
    checked = cli("check", "--online", "-w", "acme", "-f", "csv").out
    assert not [line for line in checked.splitlines() if line.startswith("FAIL") and "PostHog" not in line]


def test_a_run_is_of_the_account_that_it_names_itself(cli: Cli, reader: Reader, tmp_path: Path) -> None:
    reader((PRODUCTS / "dify.sql").read_text())  # `type` of a run is not that of `created_by`
    assert cli("init", "acme", "--from-database", "--yes").code == 0
    assert "r.created_by AS account_id" in (tmp_path / "acme/tables/neon/runs.sql").read_text()
