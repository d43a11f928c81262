"""Writes the words that stay readable in events of usertrack.js: `python scripts/word_list.py SCOWL NAMES PACKAGES`.

SCOWL is the folder of the Debian package of that name, usr/share/dict/scowl; NAMES the folder of the package `names`
(the frequencies of the US census). Words that are names are left out, but for those of interface_words.txt. Less common
words are taken if source code uses them: PACKAGES is a folder of packages, such as a site-packages.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from usertrack.server.capture.readable import is_form

OWN = Path(__file__).with_name("interface_words.txt")
LIST = Path(__file__).parent.parent / "usertrack/server/capture/words.txt"
_TIERS = tuple(f"{land}-words.{size}" for land in ("english", "american", "british") for size in (10, 20))
_RARER = ("english-words.35", "american-words.35", "british-words.35")
_PACKAGES = 1  # that use a rarer word
_FREQUENT = 10_000  # surnames, of 71 % of the people
_GIVEN = ("dist.male.first", "dist.female.first")
# surnames among the common words; the others, such as price and park, are more often words than names
_SURNAMES = """
    banks bass bishop bliss bond bush castle champagne chestnut cook cope cotton curry darling dodge doe duff farmer fry
    fuller gates gross hacker hall hammer hardy hay herring hill hills holder hood hook hunt keen kitchen knight lake
    leach lemon lord manning marks masters means mock pace parks pence petty pool pope powers priest rice rivers rock
    rush shook silver singer smart smith snow stark story strange swan sweet wall waters wise wolf wood
    woods wren younger
"""
_HEAD = """\
# Words that stay readable in events of usertrack.js; forms in -s, -ed, -ing and the like are read by their stem,
# two words in one by both; after a minus, names that would be read so.
# Written by scripts/word_list.py from SCOWL (sizes 10 to 35) without names, and interface_words.txt.
#
# SCOWL: Copyright 2000-2011 by Kevin Atkinson. Permission to use, copy, modify, distribute and sell these word lists,
# the associated scripts, the output created from the scripts, and its documentation for any purpose is hereby granted
# without fee, provided that the above copyright notice appears in all copies and that both that copyright notice and
# this permission notice appear in supporting documentation. Kevin Atkinson makes no representations about the
# suitability of this array for any purpose. It is provided "as is" without express or implied warranty.
"""


def words(scowl: Path, names: Path, packages: Path) -> list[str]:
    """Return the words, and after a minus the names that would be read as forms of one, such as `james` of jam."""

    def listed(tiers: Iterable[str]) -> set[str]:
        return {word for tier in tiers for word in (scowl / tier).read_text("latin-1").split()}

    def first_of(*files: str, lines: int | None = None) -> set[str]:
        return {line.split()[0].lower() for file in files for line in (names / file).read_text().splitlines()[:lines]}

    used = Counter(word for package in packages.iterdir() if package.is_dir() for word in used_by(package))
    given, surnames = first_of(*_GIVEN), first_of("dist.all.last", lines=_FREQUENT)
    own = {word for line in OWN.read_text().splitlines() if not line.startswith("#") for word in line.split()}
    common, rarer = listed(_TIERS), {word for word in listed(_RARER) if used[word] >= _PACKAGES}
    english = common.difference(given, _SURNAMES.split()) | rarer.difference(given, surnames)
    kept: set[str] = set()
    for word in sorted(own | {word for word in english if re.fullmatch("[a-z]{2,}", word)}, key=len):
        if not is_form(word, kept):
            kept.add(word)
    denied = (given | surnames - common - rarer) - kept - own
    return [*sorted(kept), *sorted(f"-{name}" for name in denied if is_form(name, kept))]


def used_by(package: Path) -> set[str]:
    files = (file for file in package.rglob("*") if file.suffix in (".py", ".md", ".rst", ".txt", ".js", ".html"))
    return {word.lower() for file in files for word in re.findall("[A-Z]?[a-z]{3,}", file.read_text(errors="ignore"))}


if __name__ == "__main__":
    LIST.write_text(_HEAD + "".join(f"{word}\n" for word in words(*map(Path, sys.argv[1:]))))
