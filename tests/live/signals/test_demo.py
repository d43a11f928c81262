"""Patterns over the events of the demo."""

from datetime import timedelta
from pathlib import Path

from tests.conftest import AS_OF, Cli
from tests.live.signals.events import patterns_of
from usertrack.engine.connect import open_runner
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.reader import history
from usertrack.workspace.files import library_of
from usertrack.workspace.settings import load_settings

TWO = """
snag:
  when: {count: [$exception, $rageclick], more_than: 0, within: 30m}
  because: "{count} on {page}"
quiet: {when: {none: any, within: 15m}}
"""


def test_who_met_an_error_or_clicked_in_rage_is_seen(demo: Cli, tmp_path: Path) -> None:
    settings = load_settings(demo=True)
    with open_runner(settings, library_of(settings), now=AS_OF, notify=lambda *_, **__: None) as runner:
        events = list(history(runner, AS_OF - timedelta(days=3), AS_OF))
    troubled = {each.person for each in events if each.name in ("$exception", "$rageclick")}
    signals = Engine(patterns_of(tmp_path, TWO)).run(events)
    firing = {each.person for each in signals if each.pattern == "snag" and each.state == "firing"}
    assert len(troubled) > 5
    assert firing == troubled
    assert all(each.route.startswith("/") and "?" not in each.route for each in events if each.session)
