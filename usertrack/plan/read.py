"""Reads `tracking.yaml` into a `Plan`."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from usertrack.core.json_types import JsonObject
from usertrack.plan.entry import Entry, PlanFile
from usertrack.plan.model import (
    CASES,
    MEASURES,
    PERSONAL,
    STATUSES,
    TENSES,
    TYPES,
    NamingRule,
    Plan,
    PlannedEvent,
    PlannedFunnel,
    PlannedProperty,
    PlannedSegment,
    PlanPhase,
    PropertyUse,
    Sink,
    SuccessMetric,
)

PLAN_KEYS = (
    *("naming", "properties", "scopes", "tiers", "phases", "events", "person_properties", "group_properties"),
    *("funnels", "segments", "metrics", "sinks", "wrappers", "enforce"),
)
EVENT_KEYS = (
    *("description", "tier", "phase", "owner", "source", "scope", "properties", "required", "replaces", "aliases"),
    *("status", "ongoing", "since", "acceptance", "label"),
)
PROPERTY_KEYS = ("type", "unit", "values", "personal", "description", "aliases", "since")
NAMING_KEYS = ("case", "separator", "tense", "ongoing", "files")
PHASE_KEYS = ("title", "goal", "effort", "files", "acceptance")
METRIC_KEYS = ("measure", "event", "targets")
SINK_KEYS = ("call", "position", "keyword", "prefix", "suffix")


def read_plan(path: Path) -> Plan:
    """The plan in ``path``; raises UsageError with file and line where it is wrong."""
    return _Reader(path).plan()


class _Reader:
    def __init__(self, path: Path) -> None:
        self.file = PlanFile(path)
        self.root = Entry(self.file, self.file.document, PLAN_KEYS)
        self.scopes = {name: self._scope(name, value) for name, value in self._named("scopes").items()}
        self.tiers = {name: self._tier(name, value) for name, value in self._named("tiers").items()}
        self.phases = {name: self._phase(name, value) for name, value in self._named("phases").items()}

    def plan(self) -> Plan:
        events = {name: self._event(name, value) for name, value in self._named("events").items()}
        properties = self._properties("properties")
        _require_one_meaning(self.file, events, "events", "event")
        _require_one_meaning(self.file, properties, "properties", "property")
        _require_no_circle(self.file, {name: event.replaces for name, event in events.items()}, "events", "replaces")
        naming = Entry(self.file, self.root.values.get("naming"), ("events", "properties"), "naming")
        return Plan(
            path=self.file.path,
            events=events,
            properties=properties,
            scopes=self.scopes,
            person_properties=self._properties("person_properties"),
            group_properties={
                group: self._group(group, value) for group, value in self._named("group_properties").items()
            },
            naming=self._naming(naming, "events"),
            property_naming=self._naming(naming, "properties"),
            tiers=self.tiers,
            phases=self.phases,
            funnels={name: PlannedFunnel(name, steps, line) for name, steps, line in self._resting("funnels")},
            segments={name: PlannedSegment(name, steps, line) for name, steps, line in self._resting("segments")},
            metrics={name: self._metric(name, value) for name, value in self._named("metrics").items()},
            sinks=self._sinks("sinks"),
            wrappers=self._sinks("wrappers"),
            enforce=self.root.flag("enforce"),
        )

    def _named(self, key: str) -> JsonObject:
        return self.file.named(self.root.values.get(key), key)

    def _scope(self, name: str, value: object) -> tuple[str, ...]:
        return Entry(self.file, value, ("requires",), "scopes", name).texts("requires")

    def _tier(self, name: str, value: object) -> str:
        return "" if value is None else self.file.text(value, "tiers", name)

    def _phase(self, name: str, value: object) -> PlanPhase:
        entry = Entry(self.file, value, PHASE_KEYS, "phases", name)
        return PlanPhase(
            name=name,
            title=entry.text("title") or "",
            goal=entry.text("goal") or "",
            effort=entry.text("effort"),
            files=entry.texts("files"),
            acceptance=entry.texts("acceptance"),
            line=entry.line,
        )

    def _event(self, name: str, value: object) -> PlannedEvent:
        entry = Entry(self.file, value, EVENT_KEYS, "events", name)
        scope = entry.texts("scope")
        for scope_name in scope:
            self.file.known_name(scope_name, self.scopes, "scopes", "events", name, "scope")
        # the properties that the event lists, those that it must have, and those of its scopes
        listed, required = entry.texts("properties"), entry.texts("required")
        uses: dict[str, PropertyUse] = {}
        for key, names in (("required", required), ("properties", listed)):
            for number, property_name in enumerate(names):
                line = self.file.line(*entry.keys, key, number)
                uses.setdefault(property_name, PropertyUse(property_name, key == "required", line=line))
        for scope_name in scope:
            for property_name in self.scopes[scope_name]:
                line = uses[property_name].line if property_name in uses else self.file.line(*entry.keys, "scope")
                uses[property_name] = PropertyUse(property_name, required=True, scope=scope_name, line=line)
        return PlannedEvent(
            name=name,
            label=entry.text("label") or "",
            description=entry.text("description") or "",
            tier=self._reference(entry, "tier", self.tiers, "tiers"),
            phase=self._reference(entry, "phase", self.phases, "phases"),
            owner=entry.text("owner"),
            source=entry.texts("source"),
            scope=scope,
            properties=tuple(uses.values()),
            replaces=entry.texts("replaces"),
            aliases=entry.texts("aliases"),
            status=entry.choice("status", STATUSES) or "planned",
            ongoing=entry.flag("ongoing"),
            since=entry.text("since"),
            acceptance=entry.text("acceptance"),
            line=entry.line,
        )

    def _reference(self, entry: Entry, key: str, known: Mapping[str, object], kind: str) -> str | None:
        """The tier or phase of an event: any where the plan lists none."""
        name = entry.text(key)
        return self.file.known_name(name, known, kind, *entry.keys, key) if name and known else name

    def _properties(self, *keys: str) -> dict[str, PlannedProperty]:
        values = self._named(keys[0])
        return {name: self._property(value, *keys, name) for name, value in values.items()}

    def _group(self, group: str, value: object) -> dict[str, PlannedProperty]:
        at = ("group_properties", group)
        properties = self.file.named(value, *at)
        for name, item in properties.items():
            if name in PROPERTY_KEYS and not isinstance(item, dict | None):
                hint = f"write `group_properties: {{team: {{{group}: …}}}}`; a property `{name}` is `{name}: {{}}`"
                raise self.file.wrong("group properties stand under the type of their group", *at, hint=hint)
        return {name: self._property(item, *at, name) for name, item in properties.items()}

    def _property(self, value: object, *keys: str) -> PlannedProperty:
        """A property as a mapping, or as its type alone."""
        entry = Entry(self.file, {"type": value} if isinstance(value, str) else value, PROPERTY_KEYS, *keys)
        return PlannedProperty(
            name=keys[-1],
            type=entry.choice("type", TYPES),
            unit=entry.text("unit"),
            values=entry.texts("values"),
            personal=entry.choice("personal", PERSONAL),
            description=entry.text("description") or "",
            aliases=entry.texts("aliases"),
            since=entry.text("since"),
            line=entry.line,
        )

    def _naming(self, naming: Entry, key: str) -> tuple[NamingRule, ...]:
        """One rule, or a list of rules for different files."""
        value = naming.values.get(key)
        rules = value if isinstance(value, list) else [] if value is None else [value]
        at = ("naming", key)
        return tuple(
            self._rule(rule, *at, number) if isinstance(value, list) else self._rule(rule, *at)
            for number, rule in enumerate(rules)
        )

    def _rule(self, value: object, *keys: str | int) -> NamingRule:
        entry = Entry(self.file, value, NAMING_KEYS, *keys)
        return NamingRule(
            files=entry.text("files") or "**",
            case=entry.choice("case", CASES),
            separator=entry.raw_text("separator"),
            tense=entry.choice("tense", TENSES),
            ongoing=entry.texts("ongoing"),
            line=entry.line,
        )

    def _resting(self, key: str) -> list[tuple[str, tuple[str, ...], int]]:
        """Funnels or segments: a list of names, or events by name."""
        value = self.root.values.get(key)
        if isinstance(value, list | str | int):
            names = self.file.texts(value, key)
            return [(name, (), self.file.line(key, number)) for number, name in enumerate(names)]
        return [
            (name, self.file.texts(events, key, name), self.file.line(key, name))
            for name, events in self._named(key).items()
        ]

    def _metric(self, name: str, value: object) -> SuccessMetric:
        entry = Entry(self.file, value, METRIC_KEYS, "metrics", name)
        return SuccessMetric(
            name, entry.choice("measure", MEASURES), entry.text("event"), entry.numbers("targets"), entry.line
        )

    def _sinks(self, key: str) -> tuple[Sink, ...]:
        value = self.root.values.get(key)
        if value is not None and not isinstance(value, list):
            hint = f"write `{key}: [{{call: analytics.event, position: 0}}]`"
            raise self.root.wrong(f"'{key}' takes a list", key, hint=hint)
        return tuple(self._sink(item, key, number) for number, item in enumerate(value or ()))

    def _sink(self, value: object, *keys: str | int) -> Sink:
        entry = Entry(self.file, value, SINK_KEYS, *keys)
        call, position, keyword = entry.text("call"), entry.position("position"), entry.text("keyword")
        if not call or (position is None) == (keyword is None):
            hint = "write `{call: analytics.event, position: 0}` or `{call: analytics.event, keyword: name}`"
            raise entry.wrong(
                "a call, and either the position or the keyword of the event's name, are needed", hint=hint
            )
        return Sink(call, position, keyword, entry.raw_text("prefix") or "", entry.raw_text("suffix") or "")


def _require_one_meaning(
    file: PlanFile, named: Mapping[str, PlannedEvent] | Mapping[str, PlannedProperty], section: str, kind: str
) -> None:
    """Raise UsageError where an alias is another one's name or alias: what arrives under it would be two things."""
    _require_no_circle(file, {name: item.aliases for name, item in named.items()}, section, "aliases")
    owners: dict[str, str] = {}
    for name, item in named.items():
        for number, alias in enumerate(item.aliases):
            if alias in named:
                hint = "take it out of `aliases:`" + (f", or write `replaces: [{alias}]`" if kind == "event" else "")
                message = f"'{alias}' is an alias of '{name}', and {_a(kind)} of its own"
                raise file.wrong(message, section, name, "aliases", number, hint=hint)
            if alias in owners:
                message = f"'{alias}' is an alias of '{owners[alias]}' and of '{name}'"
                raise file.wrong(message, section, name, "aliases", number, hint="take it out of one of them")
            owners[alias] = name


def _require_no_circle(file: PlanFile, graph: Mapping[str, Iterable[str]], section: str, key: str) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        name = circle[0]
        message = f"'{key}' go in a circle: {' → '.join(circle)}"
        raise file.wrong(message, section, name, key, hint=f"take one of these {key} out") from error


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
