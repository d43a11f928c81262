"""The scripts in a template: HTML, Django, Jinja, Vue, Svelte, Astro. All else becomes spaces, so that lines stay."""

import re

from usertrack.plan.scan.syntax import HOLE

_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_NO_CODE = re.compile(
    r"""type\s*=\s*["']?(?!module|text/(java|type)script|text/babel|application/javascript)[\w/+.-]+"""
)
_TYPED = re.compile(r"""lang\s*=\s*["']?tsx?\b""", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->|\{#.*?#\}|\{%-?\s*comment\b.*?%\}.*?\{%-?\s*endcomment\s*-?%\}", re.DOTALL)
_HANDLER = re.compile(
    r"""\s(?:on[a-z]+|@[\w.:-]+|v-on:[\w.:-]+|x-on:[\w.:-]+|:[\w-]+)\s*=\s*(["'])(.*?)\1""", re.DOTALL
)
_BRACES = re.compile(r"\son:?[\w|:]+\s*=\s*\{")
_FRONT = re.compile(r"\A---\n(.*?)\n---", re.DOTALL)
_FILLED = re.compile(r"\{\{.*?\}\}|<%=.*?%>", re.DOTALL)
_STEERED = re.compile(r"\{%.*?%\}|<%.*?%>", re.DOTALL)


def script_of(source: str, path: str) -> tuple[str, str]:
    """The JavaScript of a template, on the lines where it stands, and its language.

    Handlers in attributes (``onclick="…"``, ``@click="…"``, ``on:click={…}``) become statements. What the template's
    engine fills in becomes a hole.
    """
    source = _COMMENT.sub(_blank, source)
    spans = _scripts(source) + ([] if path.endswith(".svelte") else _handlers(source))
    if path.endswith(".svelte"):
        # the values of Svelte's handlers: up to the brace that closes
        for match in _BRACES.finditer(source):
            depth = 1
            for index in range(match.end(), min(len(source), match.end() + 5_000)):
                depth += {"{": 1, "}": -1}.get(source[index], 0)
                if not depth:
                    spans.append((match.end(), index))
                    break
    if path.endswith(".astro"):
        spans += [match.span(1) for match in _FRONT.finditer(source)]
    typed = path.endswith(".astro") or any(_TYPED.search(m.group(1)) for m in _SCRIPT.finditer(source))
    engine = not path.endswith((".vue", ".svelte", ".astro"))
    pieces, end = [], 0
    for start, stop in sorted(spans):
        if start >= end:
            pieces += [
                _newlines(source[end:start]),
                ";",
                _without_engine(source[start:stop]) if engine else source[start:stop],
                ";",
            ]
            end = stop
    return "".join(pieces), "tsx" if typed and not path.endswith(".vue") else "typescript" if typed else "javascript"


def _scripts(source: str) -> list[tuple[int, int]]:
    return [match.span(2) for match in _SCRIPT.finditer(source) if not _NO_CODE.search(match.group(1))]


def _handlers(source: str) -> list[tuple[int, int]]:
    scripts = [match.span() for match in _SCRIPT.finditer(source)]
    spans = [match.span(2) for match in _HANDLER.finditer(source)]
    return [span for span in spans if not any(start <= span[0] < stop for start, stop in scripts)]


def _without_engine(script: str) -> str:
    script = _FILLED.sub(lambda match: HOLE + _newlines(match.group()), script)
    return _STEERED.sub(_blank, script)


def _blank(match: re.Match[str]) -> str:
    return _newlines(match.group())


def _newlines(text: str) -> str:
    return "\n" * text.count("\n")
