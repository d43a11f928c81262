"""`since:` as a date, as a tag of the code's git, and as neither."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from usertrack.coverage.arrivals import LONG_AGO
from usertrack.coverage.releases import releases_of

from .conftest import written

PLAN = """
events:
  dated: {since: 2026-11-01, aliases: [also]}
  tagged: {since: v2.4}
  strange: {since: "--all"}
  always: {}
  soon: {since: v3}
person_properties: {role: {since: v2.4}, plan: {aliases: [tariff]}}
properties: {size: {aliases: [length]}}
"""


def test_dates_tags_and_what_is_neither(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
        dates = {"GIT_COMMITTER_DATE": "2026-10-05T12:00:00+02:00", "PATH": "/usr/bin:/bin:/usr/local/bin"}
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True, env=dates)

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "one")
    git("tag", "-a", "v2.4", "-m", "two four")
    git("tag", "v3/rc")
    git("config", "log.showSignature", "true")
    releases, notes = releases_of(written(tmp_path, PLAN), tmp_path)
    tagged = datetime(2026, 10, 5, 10, tzinfo=UTC)
    november = datetime(2026, 11, 1, tzinfo=UTC)
    assert releases.events == {"dated": november, "also": november, "tagged": tagged}
    assert releases.persons == {"role": tagged, "plan": LONG_AGO}
    assert (releases.aliases, releases.person_aliases) == ({"length": "size"}, {"tariff": "plan"})
    assert notes == tuple(
        f"`since: {since}` is neither a date nor a tag here: counted over all days" for since in ("--all", "v3")
    )
