from datetime import UTC, datetime

from usertrack.live.alerts.model import Signal, SignalState


def test_the_key_of_a_signal_names_pattern_person_and_session() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    signal = Signal("stuck", "ada", "s1", SignalState.FIRING, at, "warning", "8 minutes on /export", {}, {}, ())
    assert signal.key == "stuck:ada:s1"
