"""Somebody's data wherever it lies: the person, this machine's files, and what each place holds."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.demo.traffic.data import live_demo_folder
from usertrack.engine.open_cache import open_cache
from usertrack.privacy.erase import ErasureOutcome, erase_everywhere
from usertrack.privacy.journal import ErasureJournal, ErasureOrigin, Interrupted
from usertrack.privacy.places import Holding, LocalFiles, survey
from usertrack.privacy.subject import Subject, find_subject
from usertrack.segments.analysis import Analysis
from usertrack.segments.explain import find_person
from usertrack.segments.history.file import history_file
from usertrack.server.database.lock import served_at
from usertrack.sources.identity import identities
from usertrack.sources.own_events import folder_of, own_events
from usertrack.workspace.data_folder import default_data
from usertrack.workspace.demo_choice import cache_root
from usertrack.workspace.private_files import erasures_folder
from usertrack.workspace.state import state_folder


def local_files(analysis: Analysis, data: Path | None = None) -> LocalFiles:
    """The files of usertrack here. ``data`` is the embedded server's folder, where that is asked for PostHog."""
    settings, now = analysis.settings, datetime.now(UTC)
    own = live_demo_folder(cache_root()) if settings.uses_demo else default_data()
    is_asked = data or served_at(own) == settings["posthog.host"].replace("localhost", "127.0.0.1")
    # a copy of own events, of before PostHog led
    copy = None if settings.uses_demo or own_events(settings, analysis.runner.library) else folder_of(settings)
    places = [*([] if is_asked else [own]), *([copy] if copy and copy != data else [])]
    unseen = tuple(place for place in places if (place / "clickhouse").is_dir())
    history = history_file(settings, analysis.runner.now)
    cache, alerts = open_cache(settings, now, analysis.progress), state_folder(settings, now)
    return LocalFiles(history, cache, unseen, alerts, ErasureJournal(erasures_folder(), _origin(analysis, data)))


def _origin(analysis: Analysis, data: Path | None) -> ErasureOrigin:
    settings = analysis.settings
    sources = {name: text for name, text in identities(settings).items() if not (data and name == "posthog")}
    root, folder = (str(path.resolve()) if path else None for path in (settings.root, data))
    return ErasureOrigin(root, settings["profile"], settings.demo, folder, sources)


def finish(analysis: Analysis, begun: Interrupted) -> ErasureOutcome:
    """Erase what an interrupted erasure meant, and prove it. Raises UsageError where the sources are other ones now."""
    origin = begun.origin
    files = local_files(analysis, Path(origin.data) if origin.data else None)
    assert files.journal
    if files.journal.origin != origin:
        raise UsageError("other sources are connected than it was begun with", "run it once more with those")
    subject = begun.added_to(find_subject(analysis.runner, begun.subject.email))
    held = survey(analysis.runner, subject, files, analysis.progress)
    outcome = erase_everywhere(analysis.runner, subject, replace(files, journal=None), held, analysis.progress)
    begun.close()
    return outcome


def find_holdings(analysis: Analysis, email: str, files: LocalFiles) -> tuple[Subject, list[Holding]]:
    """The person, and the data held about them; raises UsageError with similar e-mails."""
    analysis.progress(f"looking for {email}", passing=True)
    subject = find_subject(analysis.runner, email)
    if files.journal:
        subject = files.journal.with_interrupted(subject)
    holdings = survey(analysis.runner, subject, files, analysis.progress)
    if not any(
        holding.count
        for holding in holdings
        if holding.content not in ("answers", "rows") or holding.place == "history"
    ):
        find_person(analysis.profiles(analysis.rules()), email)  # says that nobody is known so, with near matches
        raise UsageError(f"nothing is held on '{email}'")
    return subject, holdings
