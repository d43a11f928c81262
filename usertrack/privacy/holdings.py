"""Somebody's data wherever it lies: the person, this machine's files, and what each place holds."""

from datetime import UTC, datetime
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.demo.traffic.data import live_demo_folder
from usertrack.engine.open_cache import open_cache
from usertrack.privacy.places import Holding, LocalFiles, survey
from usertrack.privacy.subject import Subject, find_subject
from usertrack.segments.analysis import Analysis
from usertrack.segments.explain import find_person
from usertrack.segments.history.file import history_file
from usertrack.server.database.lock import served_at
from usertrack.sources.own_events import folder_of, own_events
from usertrack.workspace.data_folder import default_data
from usertrack.workspace.demo_choice import cache_root
from usertrack.workspace.state import state_folder


def local_files(analysis: Analysis, data: Path | None = None) -> LocalFiles:
    """usertrack's files on this machine. ``data`` is the embedded server's folder, where that is asked for PostHog."""
    settings, now = analysis.settings, datetime.now(UTC)
    own = live_demo_folder(cache_root()) if settings.uses_demo else default_data()
    is_asked = data or served_at(own) == settings["posthog.host"].replace("localhost", "127.0.0.1")
    # a copy of own events, of before PostHog led
    copy = None if settings.uses_demo or own_events(settings, analysis.runner.library) else folder_of(settings)
    places = [*([] if is_asked else [own]), *([copy] if copy and copy != data else [])]
    unseen = tuple(place for place in places if (place / "clickhouse").is_dir())
    history = history_file(settings, analysis.runner.now)
    return LocalFiles(history, open_cache(settings, now, analysis.progress), unseen, state_folder(settings, now))


def find_holdings(analysis: Analysis, email: str, files: LocalFiles) -> tuple[Subject, list[Holding]]:
    """The person, and the data held about them; raises UsageError with similar e-mails."""
    analysis.progress(f"looking for {email}", passing=True)
    subject = find_subject(analysis.runner, email)
    holdings = survey(analysis.runner, subject, files, analysis.progress)
    if not any(
        holding.count
        for holding in holdings
        if holding.content not in ("answers", "rows") or holding.place == "history"
    ):
        find_person(analysis.profiles(analysis.rules()), email)  # says that nobody is known so, with near matches
        raise UsageError(f"nothing is held on '{email}'")
    return subject, holdings
