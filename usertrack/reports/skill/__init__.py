"""The skill for agents: what to ask with which command, what the words of this workspace mean, and what to watch for.

It is made of the commands, the library, segments.yaml and the settings. It has no data, no address and no secret.
"""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from usertrack.library.library import Library
from usertrack.library.query import Query
from usertrack.segments.rules import Rules

NAME = "user-activity-tracker"
FOLDERS: Mapping[str, str] = {
    "claude-code": ".claude/skills",
    "codex": ".codex/skills",
    "cursor": ".cursor/skills",
    "gemini": ".gemini/skills",
    "agents": ".agents/skills",
}
"""Where each client looks for skills, in a project and in the home folder alike."""
_TEMPLATES = Path(__file__).parent
_STAMP = "version: "


def skill_files(library: Library, rules: Rules, commands: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The text of each file by its path in the skill's folder; SKILL.md first, which has the version of all of them.

    ``commands`` are the lines of the command line's help, by panel.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # it is Markdown
    )
    environment.filters["line"] = _one_line
    queries = [library[name] for name in library]
    values = {
        "name": NAME,
        "commands": commands,
        "sets": list(rules.sets.values()),
        "queries": {source: list(own) for source, own in groupby(queries, lambda query: query.name.partition("/")[0])},
        "metrics": [query for query in queries if query.metric],
        "entities": [library.entities[name] for name in library.entities.present],
        "first_of": _first_sentence,
    }
    paths = [path.relative_to(_TEMPLATES).as_posix() for path in _TEMPLATES.rglob("*.md")]
    paths.sort(key=lambda path: (path != "SKILL.md", path))
    texts = {path: environment.get_template(path).render(values) for path in paths}
    version = hashlib.sha256("\0".join(texts.values()).encode()).hexdigest()[:12]
    texts["SKILL.md"] = texts["SKILL.md"].replace("VERSION", version, 1)
    return texts


def version_of(folder: Path) -> str | None:
    """The version of the skill that is installed in ``folder``; None where there is none."""
    try:
        lines = (folder / "SKILL.md").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(_STAMP)[2].strip() for line in lines if _STAMP in line), "")


def installed(root: Path) -> Iterator[Path]:
    """The folders below ``root`` in which a client has the skill."""
    for folder in FOLDERS.values():
        if (root / folder / NAME / "SKILL.md").exists():
            yield root / folder / NAME


def _one_line(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _first_sentence(query: Query) -> str:
    """The first sentence of a query's description, on one line."""
    return _one_line(query.about).partition(". ")[0].removesuffix(".")
