"""Which of a company's own events stand for the roles that usertrack asks for."""

from usertrack.mapping.events import NONE, EventCount, proposed_roles


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
