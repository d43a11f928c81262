"""The alerts of a workspace, for the commands that read them and answer them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from usertrack.cli.common import Common, settings_of

if TYPE_CHECKING:
    from usertrack.live.alerts.desk import Desk
    from usertrack.workspace.settings import Settings


@contextmanager
def open_desk(common: Common) -> Iterator["tuple[Settings, Desk]"]:
    """The alerts of this workspace, or of the demo. Any number of processes may use them."""
    from usertrack.live.alerts.desk import Desk
    from usertrack.live.alerts.store import AlertStore
    from usertrack.live.signals.read import read_patterns
    from usertrack.workspace.files import patterns_path
    from usertrack.workspace.state import state_folder

    settings = settings_of(common)
    patterns = read_patterns(patterns_path(settings))
    with closing(AlertStore(state_folder(settings, datetime.now(UTC)))) as store:
        yield settings, Desk(store, patterns.notifications)
