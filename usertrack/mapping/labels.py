"""Guesses from the names of tables what runs, calls and tools are called in a company."""

import re
from collections.abc import Iterable, Mapping

from usertrack.mapping import rules
from usertrack.mapping.names import words as split_words
from usertrack.mapping.proposal import Proposal

_LEAST = 4  # points of a word that says what runs are: a `process` is called so, a `document` stays a run
_IRREGULAR = re.compile(r".*([^aeiou]y|s|x|z|ch|sh)")  # words whose plural takes more than an s
_CALLS = {"request", "invocation"}
_TOOLS: Mapping[str, str] = {
    **dict.fromkeys(("api", "http", "endpoint"), "endpoint"),
    **dict.fromkeys(("llm", "model"), "model"),
}


_CONNECTED = ("integration", "connector", "connection", "server", "source", "app", "repository", "channel")


def guessed_labels(proposals: Iterable[Proposal], connect_event: str = "") -> dict[str, str]:
    """The settings below `labels`: ``{"run": "build"}`` for a table ``builds``. Names that say no more give none.

    ``connect_event`` is called after what people connect.
    """
    of_event = split_words(connect_event)
    labels = {"server": next((word for word in _CONNECTED if word in of_event), "integration")} if of_event else {}
    for proposal in proposals:
        words = [word for word in proposal.table.words if word not in rules.words("tails")]
        if words and proposal.kind.name == "runs":
            labels |= _of_runs(words)
        elif words and proposal.kind.name == "calls":
            labels |= {"call": words[-1]} if words[-1] in _CALLS else {}
            labels |= next(({"tool": _TOOLS[word]} for word in words if word in _TOOLS), {})
    return labels


def _of_runs(words: list[str]) -> dict[str, str]:
    """A ``build`` is a run, and a ``pipeline_run`` is one of a pipeline."""
    label, word = ("workflow", words[-2]) if words[-1] == "run" and len(words) > 1 else ("run", words[-1])
    says_more = rules.weights("runs").get(word, 0) >= _LEAST and word not in ("run", "workflow")
    return {label: word} if says_more and not _IRREGULAR.fullmatch(word) else {}
