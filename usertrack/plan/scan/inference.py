"""Finds all places that send an event, by inference of wrappers to a fixpoint.

A call of an SDK sends. If its event is a parameter of the function around it, that function is a *sender* itself: each
call of it is looked at in the same way, until nothing new is seen. A call whose event is a text is a site.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from usertrack.plan.scan.callers import Callers
from usertrack.plan.scan.collection import Collection
from usertrack.plan.scan.event_names import EventName, names_of, no_longer, substituted
from usertrack.plan.scan.http import http_payloads
from usertrack.plan.scan.own_library import declared_profiles, error_sites
from usertrack.plan.scan.profiles import profile_sites
from usertrack.plan.scan.program import Program
from usertrack.plan.scan.properties import Key, Keys, keys_of, payload_keys, resolved
from usertrack.plan.scan.receivers import Receivers
from usertrack.plan.scan.sinks import BY_NAME, METHODS, CustomSink, Sent, sent_by, sent_by_custom
from usertrack.plan.scan.site import CallSite, ProfileSite, Unresolved
from usertrack.plan.scan.syntax import Call, CodeFunction, Element, Expression, Member, Name, callee_name
from usertrack.plan.scan.unknown import likely_sink, unscanned_calls
from usertrack.plan.scan.values import (
    ClassValue,
    Frames,
    FunctionValue,
    ObjectValue,
    ParameterValue,
    Sdk,
    UnknownValue,
    Value,
    argument_of,
)

LONGEST_CHAIN = 8  # wrappers between a call and PostHog: bounds the work
NESTING = 100  # functions around a scope; deeper ones count as not around it
HTTP_WORDS = ("distinct_id", "distinctId")


@dataclass(frozen=True)
class SenderFunction:
    """A function that sends an event whose name depends on its parameters."""

    function: CodeFunction
    event: EventName
    properties: Keys
    sink: str
    chain: tuple[str, ...]
    call: Call
    """The call in it that sends."""
    origin: "SenderFunction | None" = None
    """The sender that wrote what is known of the name, when this one only hands it on."""


class Inference:
    """``sites`` and ``unresolved`` are complete after `run`."""

    def __init__(self, program: Program, sinks: Sequence[CustomSink] = (), wrappers: Sequence[CustomSink] = ()) -> None:
        self.program = program
        self.evaluator = Callers(program)
        self.receivers = Receivers(self.evaluator)
        self._custom: dict[str, list[CustomSink]] = defaultdict(list)
        for sink in (*sinks, *wrappers):
            self._custom[sink.call.rpartition(".")[2]].append(sink)
        self._senders: dict[CodeFunction, dict[tuple[object, ...], SenderFunction]] = defaultdict(dict)
        self._calls_of: dict[CodeFunction, list[tuple[Call, Frames]]] = defaultdict(list)
        self._names: dict[str, None] = {}
        self._examined: set[Call] = set()
        self._collection = Collection()
        self._used: set[CodeFunction] = set()
        self._unknown: dict[Call, str] = {}
        """Calls that look like those of a sender, on something of which the source does not tell what it is."""

    def run(self) -> tuple[list[CallSite], list[Unresolved]]:
        self.program.parse_files_with([*sorted(METHODS), *self._custom, *HTTP_WORDS])
        self._follow([*sorted(METHODS), *self._custom])
        for call, payload in http_payloads(self.evaluator, self.program):
            scope = payload.scope
            event = Member(payload.object, "event", payload.object.line)
            sent = Sent(event, Member(payload.object, "properties", payload.object.line))
            self._send(Call(call.callee, call.arguments, call.line, scope), sent, (), "posthog over HTTP", ())
        progress = True
        while progress:
            self._examine_all()
            progress = self._examine_unknown()
        # What functions send that nobody calls: their events come from code that was not scanned.
        for function, senders in self._senders.items():
            for sender in senders.values() if function not in self._used else ():
                if sender.event.pattern is not None:
                    self._tell_at_origin(sender)
                elif not sender.event.guess:
                    self._tell_not_called(sender)
        sites = [*self._collection.sites, *error_sites(self.receivers)]
        return sorted(sites, key=lambda site: (site.file, site.line)), self._collection.unresolved

    def unscanned(self) -> list[Unresolved]:
        """Calls of the project's own functions that are elsewhere; it may parse more files than what is sent needs."""
        reason = "it is imported from code that was not scanned"
        reported = {(place.file, place.line) for place in self._collection.unresolved}
        return [
            Unresolved(file, call.line, callee_name(call), reason)
            for call in unscanned_calls(self.receivers)
            if call in self._unknown or call not in self._examined
            if ((file := self.evaluator.path_of(call.scope)), call.line) not in reported
        ]

    def profiles(self) -> list[ProfileSite]:
        """Return where properties of persons and groups are set; after `run`, which says what senders are."""
        sites = dict.fromkeys((*profile_sites(self.receivers), *declared_profiles(self.receivers)))
        return sorted(sites, key=lambda site: (site.file, site.line, site.of))

    def _follow(self, names: Iterable[str]) -> None:
        """Look at all calls of ``names``, in files that have these words."""
        new = [name for name in dict.fromkeys(names) if name not in self._names]
        self._names.update(dict.fromkeys(new))
        self.program.parse_files_with([name.removeprefix("default:") for name in new])

    def _examine_all(self) -> None:
        while True:
            self._follow(alias for name in list(self._names) for alias in self._taken_out_of_sdk(name))
            for function in [function for function, senders in self._senders.items() if senders]:
                self._follow(self.evaluator.names_of_function(function))
            calls = [
                call for name in list(self._names) for call in self.program.calls[name] if call not in self._examined
            ]
            if not calls:
                return
            for call in calls:
                if call not in self._examined:
                    self._examined.add(call)
                    self._examine_within_limits(call)

    def _taken_out_of_sdk(self, name: str) -> list[str]:
        """Other names of a method: ``send`` of ``const send = posthog.capture``."""
        return [
            alias.name
            for alias in self.program.aliases.get(name, ())
            if alias.name not in self._names
            and any(isinstance(v, Sdk) and v.method for v in self.evaluator.evaluate(alias.value, alias.scope))
        ]

    def _examine_within_limits(self, call: Call) -> None:
        self.evaluator.begin(call)
        try:
            self._examine(call)
        except RecursionError:
            file = self.evaluator.path_of(call.scope)
            self._collection.add_unresolved(file, call.line, callee_name(call), "it goes too deep to be followed")

    def _examine(self, call: Call) -> None:
        for sink in self._custom.get(callee_name(call), ()):
            if _is_named(call, sink.call):
                sent = sent_by_custom(sink, call)
                if sent is not None:
                    self._send(call, sent, (), sink.call, ())
                return
        values = self.receivers.called(call)
        known = [value for value in values if self._examine_value(call, value)]
        if not known:
            self._unknown[call] = callee_name(call)

    def _examine_value(self, call: Call, value: Value) -> bool:
        """Whether it is known what ``value`` is, which ``call`` calls."""
        match value:
            case Sdk(product=product, method=method):
                if method in BY_NAME[product].methods:
                    python = self.evaluator.is_python(call.scope)
                    sent = sent_by(BY_NAME[product], method, call, python=python)
                    if sent is not None:
                        keys = (*BY_NAME[product].event_keys, "event")
                        self._send(call, sent, keys, f"{product}.{method}", ())
                return True
            case FunctionValue(function=function, frames=frames):
                self._call(function, call, frames)
                return True
            case ClassValue(owner=owner):
                for constructor in self.evaluator.constructors_of(owner):
                    self._call(constructor, call, ())
                return True
        return False

    def _call(self, function: CodeFunction, call: Call, frames: Frames) -> None:
        self._calls_of[function].append((call, frames))
        self.evaluator.assumed.add((call, function))
        for sender in list(self._senders[function].values()):
            self._apply(sender, call, frames)

    def _send(self, call: Call, sent: Sent, keys: Sequence[str], sink: str, chain: tuple[str, ...]) -> None:
        """A call of a sink: ``keys`` are where the event is when it is handed over within an object."""
        file, scope = self.evaluator.path_of(call.scope), call.scope
        plain: list[Value] = []
        for value in self.evaluator.evaluate(sent.event, scope):
            match value:
                case ObjectValue() if keys:
                    self._send_object(call, sent.event, value, keys, sink, chain)
                case ParameterValue() if keys and (sent.properties is None or isinstance(sent.event, Element)):
                    plain.append(value)
                    payload = Key(value, True, payload=True)
                    for key in dict.fromkeys(keys):
                        inner = ParameterValue(value.parameter, (*value.path, key))
                        name = EventName((inner,), file, sent.event.line, guess=True)
                        self._register(name, (payload,), call, sink, chain)
                case _:
                    plain.append(value)
        properties = tuple(keys_of(self.evaluator, sent.properties, scope)) if sent.properties is not None else ()
        for name in names_of(self.evaluator, plain, file, sent.event.line):
            self._register(name, properties, call, sink, chain)

    def _send_object(
        self, call: Call, event: Expression, value: ObjectValue, keys: Sequence[str], sink: str, chain: tuple[str, ...]
    ) -> None:
        file = self.evaluator.path_of(call.scope)
        properties = tuple(resolved(self.evaluator, payload_keys(self.evaluator, event, call.scope), value.frames))
        if sink.startswith("posthog") and not any(entry.key == "properties" for entry in value.object.entries):
            properties = tuple(key for key in properties if not isinstance(key.name, str))
        for key in dict.fromkeys(keys):
            names = [v for v in self.evaluator.member(value, key) if not isinstance(v, UnknownValue) or v.name != key]
            for name in names_of(self.evaluator, names, file, value.object.line):
                self._register(name, properties, call, sink, chain)

    def _register(
        self,
        name: EventName,
        properties: Keys,
        call: Call,
        sink: str,
        chain: tuple[str, ...],
        origin: SenderFunction | None = None,
    ) -> None:
        """A name that ``call`` sends: a site, something unresolved, or a new sender."""
        if len(chain) > LONGEST_CHAIN or not self.evaluator.budget.spend():
            return
        name = replace(name, parts=no_longer(name.parts))
        open_parts = name.open_parts
        if not open_parts:
            self._collection.add(name, properties, self.evaluator.path_of(call.scope), call.line, sink, chain)
            return
        open_part = max(open_parts, key=lambda open_part: _nearness(open_part.parameter.function, call.scope))
        function = open_part.parameter.function
        elements = self.evaluator.handed_over(open_part)
        if elements is not None:
            self._spell_out(name, open_part, elements, properties, call, sink, chain)
            return
        if not _is_around(function, call.scope):
            values = self.evaluator.concrete(open_part)
            if values:
                self._spell_out(name, open_part, values, properties, call, sink, chain)
                return
        sender = SenderFunction(function, name, properties, sink, (_qualified(function), *chain), call, origin)
        key = (name.parts, sink, call)
        if key in self._senders[function]:
            return
        self._senders[function][key] = sender
        for calling, frames in list(self._calls_of[function]):
            self._apply(sender, calling, frames)

    def _spell_out(  # noqa: PLR0913
        self,
        name: EventName,
        open_part: ParameterValue,
        values: Sequence[Value],
        properties: Keys,
        call: Call,
        sink: str,
        chain: tuple[str, ...],
    ) -> None:
        """Go on with each of the values that a parameter is known to have."""
        for other in names_of(self.evaluator, values, name.file, name.line):
            parts = tuple(p for part in name.parts for p in (other.parts if part == open_part else (part,)))
            place = (other.file, other.line) if len(name.parts) == 1 else (name.file, name.line)
            self._register(
                EventName(parts, *place, other.reason, name.guess or other.guess), properties, call, sink, chain
            )

    def _apply(self, sender: SenderFunction, call: Call, frames: Frames) -> None:
        """Examine what ``call`` of a sender sends."""
        self._used.add(sender.function)
        file = self.evaluator.path_of(call.scope)
        all_frames = (call, *frames)
        properties = tuple(resolved(self.evaluator, sender.properties, all_frames))
        line = self._line_of_argument(sender, call)
        for name in substituted(self.evaluator, sender.event, sender.function, all_frames):
            placed = name if name.file == file else replace(name, file=file, line=line)
            if placed.parts == sender.event.parts and placed.open_parts:
                continue  # handed on to itself
            if _is_open(placed) and sender.event.pattern is not None:
                self._tell_at_origin(sender)  # what is known of the name is written there
            else:
                texts = [part for part in placed.parts if isinstance(part, str)]
                same = texts == [part for part in sender.event.parts if isinstance(part, str)]
                origin = (sender.origin or sender) if same else None
                self._register(placed, properties, call, sender.sink, sender.chain, origin)

    def _tell_at_origin(self, sender: SenderFunction) -> None:
        sender = sender.origin or sender
        parts = tuple(part if isinstance(part, str) else None for part in sender.event.parts)
        name = EventName(parts, sender.event.file, sender.event.line, sender.event.reason)
        file, chain = self.evaluator.path_of(sender.call.scope), sender.chain[1:]
        self._collection.add(name, sender.properties, file, sender.call.line, sender.sink, chain)

    def _line_of_argument(self, sender: SenderFunction, call: Call) -> int:
        for open_part in sender.event.open_parts:
            expression = argument_of(open_part.parameter, call)
            if expression is not None and any(argument.value is expression for argument in call.arguments):
                return self.evaluator.line_within(expression, open_part.path, call.line)
        return call.line

    def _examine_unknown(self) -> bool:
        """Calls on something unknown, when names alone tell that it is a sender; whether there was one."""
        progress = False
        for call, name in list(self._unknown.items()):
            self.evaluator.begin(call)
            for value in self.receivers.likely(call, self._senders, self._calls_of):
                del self._unknown[call]
                progress = True
                self._examine_value(call, value)
                break
            else:
                entry = likely_sink(call, self.evaluator)
                if entry is not None:
                    file = self.evaluator.path_of(call.scope)
                    reason = "what it is called on is not defined in the scanned code"
                    instead = f"if it sends events, write `{entry}` under `sinks:`"
                    self._collection.add_unresolved(file, call.line, name, reason, instead)
        return progress

    def _tell_not_called(self, sender: SenderFunction) -> None:
        function, event = sender.function, sender.event
        reason = "a function sends what it is given, and nothing in the scanned code calls it"
        if function.handed_to is not None and not function.name:
            reason = "it is what a function of a library hands over"
        file = self.evaluator.path_of(sender.call.scope)
        line = event.line if event.file == file and event.line else sender.call.line
        self._collection.add_unresolved(file, line, _qualified(function) or sender.sink, reason)


def _is_open(name: EventName) -> bool:
    """Whether a call added nothing to the name that could be read."""
    return not name.open_parts and name.text is None and sum(part is None for part in name.parts) == 1


def _is_named(call: Call, dotted: str) -> bool:
    parts = dotted.split(".")[::-1]
    callee: Expression = call.callee
    for part in parts:
        match callee:
            case Member(value=inner, name=name) if name == part:
                callee = inner
            case Name(name=name) if name == part:
                return part == parts[-1]
            case _:
                return False
    return True


def _nearness(function: CodeFunction, scope: CodeFunction) -> int:
    """Return how near a function is around a scope: 0 for one that is not."""
    inner: CodeFunction | None = scope
    for distance in range(NESTING):
        if inner is None:
            break
        if inner is function:
            return NESTING - distance
        inner = inner.parent
    return 0


def _is_around(function: CodeFunction, scope: CodeFunction) -> bool:
    inner: CodeFunction | None = scope
    while inner is not None:
        if inner is function or (inner.owner is not None and inner.owner is function.owner):
            return True
        inner = inner.parent
    return False


def _qualified(function: CodeFunction) -> str:
    """A function's name with its class; of one without a name, that of the function around it."""
    while not function.name and function.parent is not None:
        function = function.parent
    name = function.name.removeprefix("default:")
    return f"{function.owner.name}.{name}" if function.owner is not None else name
