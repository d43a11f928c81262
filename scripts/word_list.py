"""Writes the list of words that stay readable in events of usertrack.js: `python scripts/word_list.py SCOWL NAMES`.

SCOWL is the folder of the Debian package of that name, usr/share/dict/scowl; NAMES the folder of the package `names`
(the frequencies of the US census). Words that are given names are left out, but for those of interface_words.txt.
"""

import re
import sys
from pathlib import Path

OWN = Path(__file__).with_name("interface_words.txt")
LIST = Path(__file__).parent.parent / "usertrack/server/capture/words.txt"
_TIERS = ("english-words.10", "english-words.20", "american-words.10", "american-words.20")  # the most common 11 000
_NAMES = ("dist.male.first", "dist.female.first")
# surnames among the common words; the others, such as price and park, are more often words than names
_SURNAMES = """
    banks bass bishop bliss bond bush castle champagne chestnut cook cope cotton curry darling dodge doe duff farmer fry
    fuller gates gross hacker hall hammer hardy hay herring hill hills holder hood hook hunt keen kitchen knight lake
    leach lemon lord manning marks masters means mock pace parks pence petty pool pope powers priest rice rivers rock
    rush shook silver singer smart smith snow stark story strange swan sweet wall waters wise wolf wood
    woods wren younger
"""
_HEAD = """\
# Words that stay readable in events of usertrack.js; a plural in -s is read by its singular.
# Written by scripts/word_list.py from SCOWL (sizes 10 and 20) without given names, and interface_words.txt.
#
# SCOWL: Copyright 2000-2011 by Kevin Atkinson. Permission to use, copy, modify, distribute and sell these word lists,
# the associated scripts, the output created from the scripts, and its documentation for any purpose is hereby granted
# without fee, provided that the above copyright notice appears in all copies and that both that copyright notice and
# this permission notice appear in supporting documentation. Kevin Atkinson makes no representations about the
# suitability of this array for any purpose. It is provided "as is" without express or implied warranty.
"""


def words(scowl: Path, names: Path) -> list[str]:
    common = {word for tier in _TIERS for word in (scowl / tier).read_text("latin-1").split()}
    given = {line.split()[0].lower() for file in _NAMES for line in (names / file).read_text().splitlines()}
    own = {word for line in OWN.read_text().splitlines() if not line.startswith("#") for word in line.split()}
    kept = {word for word in common.difference(given, _SURNAMES.split()) if re.fullmatch("[a-z]{2,}", word)} | own
    return sorted(word for word in kept if not (word.endswith("s") and word[:-1] in kept))


if __name__ == "__main__":
    LIST.write_text(_HEAD + "".join(f"{word}\n" for word in words(Path(sys.argv[1]), Path(sys.argv[2]))))
