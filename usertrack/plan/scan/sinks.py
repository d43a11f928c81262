"""The calls of analytics SDKs that send an event, and how each is given its name and properties."""

from collections.abc import Sequence
from dataclasses import dataclass

from usertrack.plan.scan.syntax import Alternatives, Call, Expression, Member, Object, ObjectEntry, Template, Text
from usertrack.plan.scan.values import keyword_argument, positional_argument


@dataclass(frozen=True)
class CustomSink:
    """A call that sends an event although a scan cannot see it. Just one of ``position`` (from 0) and ``keyword``.

    ``keyword`` is also a key of an object that is handed over. ``prefix`` and ``suffix`` are what the call adds.
    """

    call: str
    position: int | None = None
    keyword: str | None = None
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True)
class Product:
    """An analytics product: its packages, the words that name its clients, and its methods that send an event.

    ``event_keys``: where the event is when one object holds all. ``person_first``: in Python, a person may come first.
    """

    name: str
    packages: Sequence[str]
    words: Sequence[str]
    methods: Sequence[str]
    event_keys: Sequence[str] = ("event",)
    person_first: bool = True
    modules: Sequence[str] = ()
    """Python's."""


PRODUCTS = (
    Product(
        "posthog",
        ("posthog-js", "posthog-node", "posthog-react-native", "posthog-js-lite", "@posthog", "posthog-docusaurus"),
        ("posthog",),
        ("capture", "captureImmediate", "capture_immediate"),
        modules=("posthog", "posthoganalytics"),
    ),
    Product(
        "mixpanel",
        ("mixpanel", "mixpanel-browser", "mixpanel-react-native"),
        ("mixpanel",),
        ("track", "track_links", "track_forms", "trackWithGroups", "track_with_groups"),
        modules=("mixpanel",),
    ),
    Product(
        "segment",
        ("analytics-node", "@segment", "analytics-react-native"),
        ("segmentanalytics", "segmentclient", "segment_analytics", "segment_client"),
        ("track",),
        modules=("segment", "analytics"),
    ),
    Product(
        "rudderstack",
        ("@rudderstack", "rudder-sdk-js", "rudder-sdk-node"),
        ("rudder",),
        ("track",),
        modules=("rudderstack", "rudder_analytics"),
    ),
    Product("usertrack", (), (), ("track",), modules=("usertrack_track", "usertrack")),
    Product("jitsu", ("@jitsu",), ("jitsu",), ("track",)),
    Product(
        "amplitude",
        ("amplitude-js", "@amplitude", "react-native-amplitude-analytics"),
        ("amplitude",),
        ("track", "logEvent", "log_event", "logEventWithTimestamp", "logEventWithGroups"),
        event_keys=("event_type", "eventType"),
        person_first=False,
        modules=("amplitude",),
    ),
)
BY_NAME = {product.name: product for product in PRODUCTS}
METHODS = frozenset(method for product in PRODUCTS for method in product.methods)
EVENT_PARAMETERS = ("event", "event_name", "eventName", "event_type")
LINK_METHODS = ("track_links", "track_forms")
"""The selector of the links comes first."""
GENERIC_CLIENTS = ("analytics", "segment", "tracker")
"""Receivers of a `track` that we take for Segment's when nothing in the source says what they are."""


def product_of_package(module: str, *, python: bool) -> str | None:
    """The product whose SDK ``module`` is."""
    for product in PRODUCTS:
        names = product.modules if python else product.packages
        head = module.partition(".")[0] if python else module
        if any(head == name or head.startswith(f"{name}/") for name in names):
            return product.name
    return None


def product_of_word(name: str) -> str | None:
    """The product that a variable is named after: ``posthogClient``, ``_mixpanel``."""
    bare = name.lower()
    for product in PRODUCTS:
        if any(word in bare for word in product.words):
            return product.name
    return None


@dataclass(frozen=True)
class Sent:
    """The expressions of the event and the properties that a call sends; ``event`` may be an object that holds both."""

    event: Expression
    properties: Expression | None


def sent_by(product: Product, method: str, call: Call, *, python: bool) -> Sent | None:
    """Return the event and properties that a call of an SDK is given; None for one without arguments."""
    named = next((v for name in EVENT_PARAMETERS if (v := keyword_argument(call, name)) is not None), None)
    shift = 1 if method in LINK_METHODS else 0
    if python and product.person_first and not any(_has_keyword(call, name) for name in ("distinct_id", "user_id")):
        positional = [a for a in call.arguments if a.keyword is None and not a.spread]
        shift = 1 if len(positional) >= 2 or (len(positional) == 1 and _has_keyword(call, "event")) else 0
    place = positional_argument(call, shift)
    if named is not None and _has_any_keyword(call, EVENT_PARAMETERS):
        place = named
    elif named is not None and place is not None:
        place = Alternatives([place, named], call.line, handed=True)  # *args, **kwargs
    else:
        place = place or named
    if place is None:
        return None
    properties = keyword_argument(call, "properties") if _has_any_keyword(call, ("properties",)) else None
    if properties is None:
        ways = [positional_argument(call, shift + 1), keyword_argument(call, "properties")]
        options = [way for way in ways if way is not None]
        properties = (
            Alternatives(options, call.line, handed=True) if len(options) > 1 else options[0] if options else None
        )
    return Sent(place, properties)


def _has_keyword(call: Call, name: str) -> bool:
    return any(argument.keyword == name for argument in call.arguments)


def _has_any_keyword(call: Call, names: Sequence[str]) -> bool:
    return any(_has_keyword(call, name) for name in names)


def sent_by_custom(sink: CustomSink, call: Call) -> Sent | None:
    """Return what a call of a sink of the plan sends: the arguments after the event are its properties."""
    event, properties = _custom_arguments(sink, call)
    if event is None:
        return None
    if sink.prefix or sink.suffix:
        event = Template([Text(sink.prefix, call.line), event, Text(sink.suffix, call.line)], call.line)
    return Sent(event, properties)


def _custom_arguments(sink: CustomSink, call: Call) -> tuple[Expression | None, Expression | None]:
    if sink.keyword is None:
        place = sink.position or 0
        properties = positional_argument(call, place + 1) or keyword_argument(call, "properties")
        return positional_argument(call, place), properties or _as_object(call, None)
    event = keyword_argument(call, sink.keyword)
    if event is not None:
        return event, keyword_argument(call, "properties") or _as_object(call, sink.keyword)
    first = positional_argument(call, 0)
    if first is None:
        return None, None
    event = Member(first, sink.keyword, call.line)
    if isinstance(first, Object) and not any(entry.key == "properties" for entry in first.entries):
        return event, Object([entry for entry in first.entries if entry.key != sink.keyword], call.line)
    return event, Member(first, "properties", call.line)


def _as_object(call: Call, event: str | None) -> Object:
    keywords = [a for a in call.arguments if a.keyword not in (None, "**", event)]
    return Object([ObjectEntry(argument.keyword, argument.value) for argument in keywords], call.line)
