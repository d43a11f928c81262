"""failures.yaml: rules that give a fingerprint its label, category and owner. The first rule that matches wins."""

import json
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from usertrack.core.errors import did_you_mean
from usertrack.core.yaml_file import YamlFile
from usertrack.library.masking import fingerprint

LEVELS = {"workflow": "runs", "tool": "calls"}
"""The levels on which something can fail, and the entity of each."""
_BUILT_IN_FIELDS = ("tool", "provider")  # which a label may use beside the groups of its pattern
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Category:
    id: str
    name: str
    owner: str


@dataclass(frozen=True)
class Cause:
    """Label, category and owner of a failure. Without a matching rule, the label is the fingerprint."""

    label: str
    category: str
    owner: str
    known: bool = True

    @property
    def words(self) -> str:
        """``Modal OOM (rc=137) · Platform``."""
        return f"{self.label} · {self.owner}" if self.owner else self.label


UNKNOWN = "Unknown"
NO_RULE = "no rule names it"
"""What people read of a failure that no rule knows."""


@dataclass(frozen=True)
class CauseRule:
    """One rule. With ``provider`` it is for tools of a provider alone, or for the company's own."""

    pattern: re.Pattern[str]
    category: Category
    label: str
    level: str = ""
    provider: bool | None = None

    def cause(self, level: str, text: str, fields: Mapping[str, str]) -> Cause | None:
        """The cause of a failure with the fingerprint ``text``, if this rule matches."""
        applies = self.level in ("", level) and self.provider in (None, bool(fields["provider"]))
        match = self.pattern.search(text) if applies else None
        if match is None:
            return None
        values = {**fields, **{name: value or "" for name, value in match.groupdict().items()}}
        return Cause(_filled(self.label, values), self.category.name, self.category.owner)


@dataclass(frozen=True)
class Catalogue:
    """All rules in the order in which they are tried; ``path`` is the file to add one to."""

    categories: tuple[Category, ...]
    rules: tuple[CauseRule, ...]
    path: Path
    counts: Mapping[Path, int] = field(default_factory=dict)
    _named: dict[str, str] = field(default_factory=dict, compare=False, repr=False)  # by fingerprint: rules are slow

    def cause_of(self, level: str, text: str, *, tool: str = "", provider: str = "") -> Cause:
        fields = {"tool": tool, "provider": provider}
        causes = (rule.cause(level, text, fields) for rule in self.rules)
        return next(filter(None, causes), Cause(text, UNKNOWN, "", known=False))

    def commonest(self, messages: Sequence[str]) -> str | None:
        """The cause and owner of most failed runs, where two or more have it.

        ``messages`` are JSON as in `neon/run_activity`: how many runs, the credits of their account, the message.
        """
        runs: Counter[str] = Counter()
        for times, credits, message in map(json.loads, messages):  # noqa: A001
            text = fingerprint(message, credits=float(credits) if credits else None)
            if text not in self._named:
                self._named[text] = self.cause_of("workflow", text).words
            runs[self._named[text]] += times
        words, most = min(runs.items(), key=lambda cause: (-cause[1], cause[0]), default=("", 0))
        return words if most > 1 else None


def read_catalogue(paths: Sequence[Path]) -> Catalogue:
    """The rules of all ``paths``, the workspace's own first; raises UsageError with file and line."""
    files = []
    for path in paths:
        files.append(_Causes(path))
        if not files[-1].includes_shipped:
            break
    categories: dict[str, Category] = {}
    for file in reversed(files):
        categories |= file.categories()
    rules = {file.path: file.rules(categories) for file in files}
    return Catalogue(
        tuple(categories.values()),
        tuple(rule for own in rules.values() for rule in own),
        paths[0],
        {path: len(own) for path, own in rules.items()},
    )


class _Causes(YamlFile):
    needs = "`rules:`"
    hint = "write `rules:` and below it `- {match: 'disk full', category: infrastructure, label: Disk full}`"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.known(self.document, {"categories", "rules", "shipped"})
        if not isinstance(self.document.get("shipped", True), bool):
            raise self.wrong("'shipped' is true or false", "shipped")
        self.includes_shipped: bool = self.document.get("shipped", True)

    def categories(self) -> dict[str, Category]:
        listed = self.document.get("categories")
        named = self.mapping(listed, "categories") if listed is not None else {}
        return {id_: self._category(id_, value) for id_, value in named.items()}

    def _category(self, id_: str, value: object) -> Category:
        value = self.mapping(value, "categories", id_)
        self.known(value, {"name", "owner"}, "categories", id_)
        if not value.get("owner"):
            raise self.wrong(f"category '{id_}' has no owner", "categories", id_, hint="add `owner: Platform`")
        return Category(id_, str(value.get("name", id_)), str(value["owner"]))

    def rules(self, categories: Mapping[str, Category]) -> list[CauseRule]:
        listed = self.document.get("rules") or []
        if not isinstance(listed, list):
            raise self.wrong("'rules' takes a list", "rules", hint=self.hint)
        return [self._rule(number, value, categories) for number, value in enumerate(listed)]

    def _rule(self, number: int, value: object, categories: Mapping[str, Category]) -> CauseRule:
        at = ("rules", number)
        value = self.mapping(value, *at) if isinstance(value, dict) else {}
        self.known(value, {"match", "category", "label", "level", "provider"}, *at)
        for name in ("match", "category", "label"):
            if not isinstance(value.get(name), str) or not value[name].strip():
                raise self.wrong(f"the rule needs '{name}', a text", *at, name, hint=self.hint)
        if value["category"] not in categories:
            known = f"known: {', '.join(categories)}"
            hint = did_you_mean(value["category"], categories, known)
            raise self.wrong(f"there is no category '{value['category']}'", *at, "category", hint=hint)
        if value.get("level", "tool") not in LEVELS:
            raise self.wrong("'level' is workflow or tool; without it a rule is for both", *at, "level")
        if not isinstance(value.get("provider", True), bool):
            raise self.wrong("'provider' is true (for tools of a provider) or false (your own)", *at, "provider")
        pattern = self._pattern(value["match"], *at, "match")
        self._label(value["label"], pattern, *at, "label")
        category, level = categories[value["category"]], value.get("level", "")
        return CauseRule(pattern, category, value["label"], level, value.get("provider"))

    def _pattern(self, text: str, *at: object) -> re.Pattern[str]:
        try:
            pattern = re.compile(text, re.IGNORECASE)
        except re.error as error:
            raise self.wrong(f"not a regular expression: {error}", *at, hint=f"in `match: {text}`") from error
        if pattern.search(""):
            raise self.wrong("the pattern matches every message", *at, hint="name what is special about this one")
        return pattern

    def _label(self, label: str, pattern: re.Pattern[str], *at: object) -> None:
        known = (*pattern.groupindex, *_BUILT_IN_FIELDS)
        try:
            fields = [part for part in string.Formatter().parse(label) if part[1] is not None]
        except ValueError as error:
            raise self.wrong("the label has a brace without its pair", *at, hint="write {{ for a brace") from error
        for _, name, spec, conversion in fields:
            if spec or conversion or name not in known:
                wrong = f"{{{name}}}" if name in known else f"{{{name}}}: the pattern has no such group"
                hint = did_you_mean(str(name), known, f"a label takes {', '.join(f'{{{field}}}' for field in known)}")
                raise self.wrong(f"the label has {wrong}", *at, hint=hint)


def _filled(label: str, values: Mapping[str, str]) -> str:
    """``label`` with its fields filled in, without the parts in [brackets] whose fields are all empty."""
    parts = _OPTIONAL.split(label)
    text = "".join(_part(part, values, optional=bool(number % 2)) for number, part in enumerate(parts))
    return text[:1].upper() + text[1:]


def _part(text: str, values: Mapping[str, str], *, optional: bool) -> str:
    fields = [name for _, name, _, _ in string.Formatter().parse(text) if name]
    if optional and not any(values[name] for name in fields):
        return ""
    return text.format_map(values)
