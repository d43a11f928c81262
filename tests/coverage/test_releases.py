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
# of 2026-10-05 12:00 in Berlin
SIGNED = """tree {tree}
author a <a@b.example> 1791194400 +0200
committer a <a@b.example> 1791194400 +0200
gpgsig -----BEGIN PGP SIGNATURE-----
 x
 -----END PGP SIGNATURE-----

one
"""


def test_dates_tags_and_what_is_neither(tmp_path: Path) -> None:
    def git(*arguments: str, text: str = "") -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "tag.gpgsign=false")
        path = {"PATH": "/usr/bin:/bin:/usr/local/bin"}
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, env=path, input=text, text=True).stdout.strip()

    checks_signatures = tmp_path / "gpg"
    checks_signatures.write_text("#!/bin/sh\necho Good signature >&2\n")
    checks_signatures.chmod(0o700)
    git("init", "-q")
    tree = git("hash-object", "-t", "tree", "-w", "--stdin")
    commit = git("hash-object", "-t", "commit", "-w", "--stdin", text=SIGNED.format(tree=tree))
    git("tag", "-a", "v2.4", "-m", "two four", commit)
    git("tag", "v3/rc", commit)
    git("config", "log.showSignature", "true")
    git("config", "gpg.program", str(checks_signatures))
    releases, notes = releases_of(written(tmp_path, PLAN), tmp_path)
    tagged = datetime(2026, 10, 5, 10, tzinfo=UTC)
    november = datetime(2026, 11, 1, tzinfo=UTC)
    assert releases.events == {"dated": november, "also": november, "tagged": tagged}
    assert releases.persons == {"role": tagged, "plan": LONG_AGO}
    assert (releases.aliases, releases.person_aliases) == ({"length": "size"}, {"tariff": "plan"})
    assert notes == tuple(
        f"`since: {since}` is neither a date nor a tag here: counted over all days" for since in ("--all", "v3")
    )
