"""Names of the fields of events in JSON lines, as Amplitude, Mixpanel, PostHog and Segment export them.

Sources: the documentation of Amplitude's Export API, Mixpanel's raw event export, PostHog's batch exports and Segment's
S3 logs, as of 2026. Fields of any other file are found by their own names.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from usertrack.server.hogql.sql import quote


def raw_at(*path: str) -> str:
    """SQL: the JSON of the field at ``path`` of ``line``; empty where it is missing."""
    return f"JSONExtractRaw(line, {', '.join(map(quote, path))})"


def text_of(raw: str) -> str:
    """SQL: the JSON ``raw`` as text: a string without its quotes, null as the empty text."""
    return f"multiIf(startsWith({raw}, '\"'), JSONExtractString({raw}), {raw} = 'null', '', {raw})"


def _first(*names: str) -> tuple[str, str]:
    """The name and the JSON of the first field of ``names`` that is filled; a dot leads into an object."""
    found = [raw_at(*name.split(".")) for name in names]
    filled = ", ".join(f"{raw} NOT IN ('', 'null', '\"\"'), {raw}" for raw in found)
    return ", else ".join(names), f"multiIf({filled}, '')"


@dataclass(frozen=True)
class Export:
    """The fields of one service.

    Attributes:
        marks: fields that its lines have.
        lacks: fields that its lines do not have, where ``marks`` fit other files, too.
        computed: target of the mapping → name and JSON in SQL of a value that is not one field of the line.
        named: target of the mapping → field.
        left_out: fields that repeat what other fields say.
    """

    marks: Collection[str]
    computed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    lacks: Collection[str] = ()
    left_out: Collection[str] = ()


_CALLS = ("page", "$pageview"), ("screen", "$screen"), ("identify", "$identify"), ("alias", "$create_alias")
_TYPES, _EVENTS = ([f'"{name}"' for name in names] for names in zip(*_CALLS, ("group", "$groupidentify"), strict=True))
_INSERT_ID = raw_at("properties", "$insert_id")
_MIXPANEL_ID = f"{raw_at('event')}, {raw_at('properties', 'distinct_id')}, {raw_at('properties', 'time')}, {_INSERT_ID}"
_SESSION = raw_at("session_id")
EXPORTS = {
    "Amplitude": Export(  # a session_id is a time, the same for many people, and -1 outside of a session
        ("event_type", "event_time", "user_id", "device_id"),
        {
            "distinct_id": _first("user_id", "device_id"),
            "property.$session_id": (
                "device_id and session_id",
                f"if({_SESSION} IN ('', 'null', '-1'), '', toJSONString(concat({raw_at('device_id')}, {_SESSION})))",
            ),
        },
        {"person": "amplitude_id", "property.$set": "user_properties"},
    ),
    "Mixpanel": Export(  # an $insert_id is unique among events of one name, person and time alone
        ("event", "properties"),
        {
            "distinct_id": _first("properties.distinct_id"),
            "timestamp": _first("properties.time"),
            "uuid": ("properties.$insert_id", f"if({_INSERT_ID} = '', '', toJSONString(concat({_MIXPANEL_ID})))"),
        },
        lacks=("distinct_id", "timestamp", "userId", "anonymousId"),
    ),
    "Segment": Export(  # a page or an identification is a call without an event name; a group's traits are no person's
        ("type", "messageId", "timestamp"),
        {
            "distinct_id": _first("userId", "anonymousId"),
            "event": (
                "event, else the type of the call",
                f"transform({raw_at('type')}, {_TYPES}, {_EVENTS}, {raw_at('event')})",
            ),
            "property.$current_url": _first("properties.url", "context.page.url"),
            "property.$set": ("traits of people", f"if({raw_at('type')} = '\"group\"', '', {raw_at('traits')})"),
        },
        {"uuid": "messageId", "property.$anon_distinct_id": "anonymousId", "property.alias": "previousId"},
        left_out=("originalTimestamp", "sentAt", "receivedAt", "writeKey", "integrations", "version"),
    ),
    "PostHog": Export(  # $set of the events has what the person's properties were made of
        ("event", "distinct_id", "timestamp", "person_properties"), left_out=("person_properties",)
    ),
}


def export_of(names: Collection[str]) -> Export:
    """The fields of the service whose lines have ``names``; no field of any, where no service's have them."""
    fitting = (
        export for export in EXPORTS.values() if set(export.marks) <= set(names) and not set(export.lacks) & set(names)
    )
    return next(fitting, Export(()))
