"""Which of a company's own events stand for the roles that usertrack asks for."""

import pytest

from usertrack.library.entities import KINDS
from usertrack.mapping.catalog import DatabaseTable
from usertrack.mapping.events import NONE, EventCount, proposed_roles, set_copies
from usertrack.mapping.proposal import Proposal
from usertrack.mapping.select import Select


def _roles(*names: str) -> dict[str, str]:
    return proposed_roles([EventCount(name, 9, 3, None) for name in names])


def test_an_event_has_a_role_by_its_words() -> None:
    roles = _roles("sign_in", "Sign Up: Done", "account [x] created", "Connect")
    assert (roles["signed_up"], roles["connect_clicked"]) == ("Sign Up: Done", "Connect")
    assert (roles["setup_done"], roles["rage"]) == (NONE, NONE)
    assert _roles("$signup")["signed_up"] == NONE  # PostHog's own


def test_what_a_step_would_read_otherwise_is_escaped() -> None:
    assert _roles("sign_up|trial")["signed_up"] == r"sign_up\|trial"
    assert _roles("registered[v2]")["signed_up"] == r"registered\[v2]"


def test_an_event_that_is_called_as_usual_needs_no_proposal() -> None:
    assert "signed_up" not in _roles("signed_up", "registered")
    assert _roles() == {}


@pytest.mark.parametrize(
    ("table", "copies"),
    [
        ("renders_renderjob", ("job_finished",)),
        ("orders", ("Order Created", "order_completed")),
        ("workflow_runs", ("run_completed",)),
        ("notes", ()),
    ],
)
def test_an_event_that_is_called_after_the_rows_tells_of_them(table: str, copies: tuple[str, ...]) -> None:
    proposal = Proposal(KINDS["calls"], Select(DatabaseTable(1, "public", table, table)), 1.0, [])
    names = ("job_finished", "Order Created", "order_completed", "order page viewed", "run_completed", "$run_completed")
    set_copies([proposal], [EventCount(name, 9, 3, None) for name in names])
    assert proposal.same_as == copies
