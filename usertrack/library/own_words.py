"""Own words: what a run, a call or a credit is called in this company. ``{runs}`` in a text stands for one."""

import re
from collections.abc import Mapping

LABELS: Mapping[str, tuple[str, str]] = {
    "run": ("run", "what ends well or badly: a build, a job"),
    "runs": ("runs", "several of them; default: run with an s"),
    "workflow": ("workflow", "what is run; default: as run"),
    "call": ("call", "a call of a tool or an API"),
    "calls": ("calls", "several of them; default: call with an s"),
    "tool": ("tool", "what is called"),
    "tools": ("tools", "several of them; default: tool with an s"),
    "credits": ("credits", "what accounts have left to spend"),
    "code": ("code", "what customers write and execute"),
    "agent": ("agent", "what works for customers on its own"),
    "custom_tool": ("custom tool", "what customers build and deploy"),
    "custom_tools": ("custom tools", "several of them; default: custom_tool with an s"),
    "server": ("MCP server", "what customers connect"),
    "servers": ("MCP servers", "several of them; default: server with an s"),
}
"""The settings `labels.run` and so on: what is said without them, and what they are for."""

_PLACE = re.compile(r"\{(an? )?(\w+)\}")


class OwnWords:
    """The words of a company; ``labels`` are those that it has set, by their names in `LABELS`."""

    def __init__(self, labels: Mapping[str, str] | None = None) -> None:
        own = {name: label for name, label in (labels or {}).items() if label}
        words = {name: label for name, (label, _) in LABELS.items()} | {"connect_rate": "MCP connect rate"}
        for name in ("run", "call", "tool", "custom_tool", "server"):
            if name in own:
                words[f"{name}s"] = f"{own[name]}s"
        if "run" in own:
            words["workflow"] = own["run"]
        words |= own
        for number in ("", "s"):
            execution = f"execution{number}"
            workflow_run = words[f"run{number}"] if "run" in own else f"{words['workflow']} {words[f'run{number}']}"
            tool_call = words[f"call{number}"] if "call" in own else f"{words['tool']} {words[f'call{number}']}"
            words |= {f"workflow_run{number}": workflow_run, f"tool_call{number}": tool_call}
            words |= {f"{name}_run{number}": f"{words[name]} {execution}" for name in ("code", "agent")}
        words["credit"] = words["credits"] if "credits" in own else "credit"
        self._words = words

    def __getitem__(self, name: str) -> str:
        return self._words[name]

    def __call__(self, text: str) -> str:
        """``text`` with its ``{words}`` filled in: ``{a run}`` with its article, ``{Runs}`` with a capital."""
        return _PLACE.sub(self._filled, text)

    def _filled(self, place: re.Match[str]) -> str:
        article, name = place[1], place[2]
        word = self._words.get(name) or self._words.get(name.lower())
        if word is None:
            return place[0]
        if name[0].isupper():
            word = word[:1].upper() + word[1:]
        return f"a{'n' * (word[:1].lower() in 'aeiou')} {word}" if article else word


PLAIN = OwnWords()
"""The words where a company has set none."""
