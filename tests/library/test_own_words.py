"""Words of a company's own, where the library speaks of runs, calls and credits."""

import pytest

from usertrack.library.library import Library, shipped_root
from usertrack.library.own_words import OwnWords

ACME = OwnWords({"run": "build", "call": "API call", "tool": "endpoint", "credits": "minutes"})
CITY = OwnWords({"run": "city", "runs": "cities"})


@pytest.mark.parametrize(
    ("words", "text", "spoken"),
    [
        (OwnWords(), "{Workflow} level: {runs}", "Workflow level: runs"),
        (OwnWords(), "started {a workflow_run}, ran {an agent}", "started a workflow run, ran an agent"),
        (ACME, "{Workflow} level: {runs}", "Build level: builds"),
        (ACME, "started {a workflow_run}, called {a tool}", "started a build, called an endpoint"),
        (ACME, "failed {tool_calls}, {Credit} utilisation", "failed API calls, Minutes utilisation"),
        (CITY, "{run}, {runs}", "city, cities"),
        (OwnWords({"run": "{calls} %s [b]"}), "last {run}", "last {calls} %s [b]"),
        (ACME, "{} {0} {nothing} {{", "{} {0} {nothing} {{"),
    ],
)
def test_words_in_a_text(words: OwnWords, text: str, spoken: str) -> None:
    assert words(text) == spoken


def test_labels_of_facts_and_metrics() -> None:
    library = Library([shipped_root() / "queries"], words=ACME)
    assert library["run_activity"].facts["runs_failed"].label == "failed builds"
    assert library["tool_activity"].facts["tool_calls"].label == "API calls"
    assert library["accounts"].facts["credits"].label == "minutes"
    metric = library["run_success"].metric
    assert metric
    assert metric.label == "Build success rate"
