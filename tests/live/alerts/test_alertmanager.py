from pathlib import Path

import pytest

from tests.live.alerts.alertmanager import PROGRAM, MachineBusyError, ours, random_stream, theirs

SECONDS = 16


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason="needs Debian's package prometheus-alertmanager")
def test_the_router_tells_what_alertmanager_tells_at_the_same_time(tmp_path: Path) -> None:
    streams = [random_stream(id_, SECONDS - 6) for id_ in range(1000, 1012)]
    try:
        messages, offset = theirs(streams, SECONDS, tmp_path)
    except MachineBusyError as busy:
        pytest.skip(f"the machine is too busy to compare times: {busy}")
    assert {stream.id: ours(stream, SECONDS, offset) for stream in streams} == messages
    assert sum(map(len, messages.values())) > 50
