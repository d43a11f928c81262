"""`neon/run_activity.sql` cleans messages in the database, `masking.py` all others: both tell the same causes apart."""

import json

import pytest

from tests.people import Company, ago, office
from usertrack.library.masking import fingerprint

TRACEBACK = 'Traceback (most recent call last):\n  File "{}.py", line {}, in f\n{}'
CAUSES = [
    ["timeout after 30 s", "timeout after 45 s", "\x1b[31mtimeout after 7 s\x1b[0m", "timeout after 7 s\nmore 17"],
    ["HTTP 429"],
    ["HTTP 503"],
    ["exited with rc=137", "exited with rc=137\n"],
    ["exited with rc=1"],
    ["run 3f2b8c1e-9a7d-4c55-8e21-0b6f9d1c2a34 is gone", "run 77aa1c1e-9a7d-4c55-8e21-0b6f9d1c2a99 is gone"],
    [TRACEBACK.format("a", 3, "KeyError: 'KEY'"), "\x1b[1m" + TRACEBACK.format("b", 77, "KeyError: 'KEY'\n")],
    [TRACEBACK.format("a", 3, "KeyError: 'OTHER'")],
    ["sent 512 MB of 1024 MB", "sent 2 MB of 900 MB"],
    ["row 12 is wrong", "row 98765 is wrong"],
    ["FATAL %s {} {…} %(name)s"],
    ["'; DROP TABLE runs; --"],
    ["<script>alert(document)</script>"],
    ["[red]no[/red] \\1 $& \\m"],
]


def test_one_cause_is_one_text_in_both(tmp_path_factory: pytest.TempPathFactory) -> None:
    company = Company()
    user = company.account("p@x.example")
    for message in (message for texts in CAUSES for message in texts):
        company.run(user, "failed", ago(3), message)
    with office(tmp_path_factory.mktemp("causes"), company) as opened, opened.runner() as runner:
        [row] = runner.table(runner.bind("neon/run_activity", {})).dicts()
    in_database = sorted((fingerprint(message), runs) for runs, _, message in map(json.loads, row["top_failure"]))
    assert in_database == sorted((fingerprint(texts[0]), len(texts)) for texts in CAUSES)
