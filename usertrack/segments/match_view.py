"""The document of how people of PostHog and Postgres match: the counts, and the people behind them."""

from itertools import islice

from usertrack.core.document import Document, Facts, Field, Listing, Paragraph
from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.period import moment
from usertrack.core.spool import SpooledRows, identifier, quote
from usertrack.core.table import Column, Table
from usertrack.segments.keys import a_key
from usertrack.segments.match import LEFT_OUT, NOT_LEFT_OUT
from usertrack.segments.profiles import Profiles
from usertrack.segments.view import cut_note, source_states

KINDS = ("ambiguous", "posthog_only", "postgres_only", *LEFT_OUT)


def require_kind(kind: str | None) -> None:
    """Raise UsageError when there is no such kind of mismatch."""
    if kind is not None and kind not in KINDS:
        raise UsageError(f"there is no kind '{kind}'", did_you_mean(kind, KINDS, f"kinds: {', '.join(KINDS)}"))


def match_document(profiles: Profiles, kind: str | None, timezone: str, limit: int | None = None) -> Document:
    """The counts, then everybody who is not simply in both sources; ``kind`` selects one kind of mismatch."""
    require_kind(kind)
    table = _people(profiles, kind)
    labels = {
        "matched": "In both sources",
        "posthog_only": "Events, no account",
        "postgres_only": "Account, unknown to PostHog",
        "ambiguous": "Ambiguous: several accounts or persons",
        "anonymous": f"Visitors without {a_key(profiles.key)}",
        "without_email": f"Accounts without {a_key(profiles.key)}",
        "internal_excluded": "Your own people, left out",
        "opted_out": "Opted out, left out",
        "deleted": "Account deleted, left out",
    }
    counts = profiles.match.as_dict()
    unsure = "; ".join(str(state["detail"]) for state in source_states(profiles) if not state["ok"])
    unknown = Paragraph(f"Who is in only one of the two is unknown: {unsure}", "warning")
    people = Listing(
        table,
        heading="Who is not simply in both",
        fields={profiles.key: Field("Person"), "kind": Field("Kind", "tag")},
        limit=20,
    )
    return Document(
        title=f"How PostHog and Postgres met on {moment(profiles.as_of, timezone)}",
        blocks=(
            Facts(tuple((label, _or_unknown(counts[name], name)) for name, label in labels.items())),
            *([unknown] if profiles.match.matched is None else []),
            *([people] if len(table.rows) or profiles.match.matched is not None else []),
        ),
        notes=tuple(profiles.notes),
        table=table,
        timezone=timezone,
        as_of=profiles.as_of,
        data=lambda: {
            "as_of": profiles.as_of,
            "timezone": timezone,
            "match": counts,
            "people": [dict(zip(table.names, row, strict=True)) for row in islice(table.rows, limit or None)],
            "notes": [*profiles.notes, *cut_note(len(table.rows), limit)],
        },
    )


def _or_unknown(count: int | None, name: str) -> int | str:
    if count is not None:
        return count
    return "not counted" if name in ("internal_excluded", "opted_out") else "unknown"


def _people(profiles: Profiles, kind: str | None) -> Table:
    columns = (
        Column(profiles.key),
        Column("kind"),
        Column("ambiguous", "BOOLEAN"),
        Column("accounts", "BIGINT"),
        Column("persons", "BIGINT"),
    )
    where = "kind <> 'matched' OR ambiguous"  # a kind that is not known is no mismatch
    if kind == "ambiguous":
        where = f"ambiguous AND {NOT_LEFT_OUT}"
    elif kind is not None:
        where = f"kind = {quote(kind)}"
    names = f"key AS {identifier(profiles.key)}, kind, ambiguous, accounts, persons"
    order = "kind = 'internal', NOT ambiguous, kind, key"
    scan = f"(SELECT {names} FROM ({profiles.match_sql()}) WHERE {where} ORDER BY {order})"
    count = profiles.row(f"SELECT count(*) FROM {scan}")[0]
    return Table(columns, SpooledRows(scan, columns, count, profiles.connection), name="match", as_of=profiles.as_of)
