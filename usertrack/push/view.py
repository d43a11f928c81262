"""The outcome of a push as a document; after a dry run with every request in full, without the secrets."""

import json
from collections.abc import Iterator
from typing import Any

from usertrack.core.document import Block, Code, Document, Facts, Field, Listing, Paragraph, Section
from usertrack.core.period import moment
from usertrack.core.table import Column, Table
from usertrack.core.words import number, shortened
from usertrack.push.audience import PushAudience
from usertrack.push.order import PushOutcome, Request
from usertrack.render import text

_LISTED = 20  # unresolved people on a terminal; the JSON has all


def outcome_document(target: str, audience: PushAudience, outcome: PushOutcome, *, dry_run: bool) -> Document:
    """Show what was sent, facts of the target, people whom it does not know, and in a dry run the requests."""
    notes = [*audience.notes, *outcome.notes]
    blocks = [*_facts(outcome), *_unresolved(outcome, audience.key), *_requests(outcome)]
    return Document(
        title=_title(target, audience, outcome, dry_run=dry_run),
        subtitle=f"{moment(audience.as_of, audience.timezone)}",
        blocks=tuple(blocks),
        notes=tuple(notes),
        data=lambda: {
            "target": target,
            "dry_run": dry_run,
            "set": audience.segment_set.name,
            "segment": audience.segment.id,
            "as_of": audience.as_of,
            "people": audience.total,
            "members": audience.members,
            "undecided": audience.undecided,
            **({"filter": audience.filter} if audience.filter else {}),
            "sent": 0 if dry_run else outcome.sent,
            "unresolved": outcome.unresolved,
            **outcome.details,
            **({"requests": [_request(request) for request in outcome.requests]} if dry_run else {}),
            "problem": outcome.problem.message if outcome.problem else None,
            "notes": notes,
        },
        timezone=audience.timezone,
        as_of=audience.as_of,
    )


def _title(target: str, audience: PushAudience, outcome: PushOutcome, *, dry_run: bool) -> str:
    name = audience.segment.name
    shown = f"{name} ({shortened(audience.filter, 200)})" if audience.filter else name
    if dry_run:
        count = f"{len(outcome.requests)} request{'s' * (len(outcome.requests) != 1)}"
        return f"{shown} to {target}: {count} would be sent, and none was"
    if not audience.people and not outcome.details.get("removed"):
        if audience.filtered_out:
            return f"nobody in {name} is like that ({audience.filter}): nothing was sent"
        empty = f"nobody has {name} as the primary segment" if audience.members_elsewhere else f"{name} is empty"
        return f"{empty}: nothing was sent"
    return f"{shown} to {target}: {number(outcome.sent)} of {number(audience.total)} people"


def _facts(outcome: PushOutcome) -> Iterator[Block]:
    pairs: list[tuple[str, Any]] = []
    if cohort := outcome.details.get("cohort"):
        id_ = "not there yet" if cohort["id"] is None else f"number {cohort['id']}"
        new = ", new" if outcome.details["created"] and cohort["id"] else ""
        pairs = [
            ("Cohort", f"{cohort['name']} ({id_}{new})"),
            ("Persons", outcome.details["persons"]),
            ("Added", outcome.details["added"]),
            ("Removed", outcome.details["removed"]),
        ]
        if "verified" in outcome.details:
            pairs.append(("Counted", f"{cohort['count']}, as it should be" if outcome.details["verified"] else "wrong"))
    if keys := outcome.details.get("idempotency_keys"):
        pairs = [("Documents", len(keys)), ("Idempotency keys", keys[:3] + ["…"] * (len(keys) > 3))]
    if pairs:
        yield Facts(tuple(pairs))


def _unresolved(outcome: PushOutcome, key: str) -> Iterator[Block]:
    keys = outcome.unresolved
    if keys:
        table = Table((Column(key),), [(key,) for key in keys[:_LISTED]], name="unresolved")
        heading = f"Not known to PostHog, and left out: {number(len(keys))}"
        yield Listing(table, heading=heading, fields={key: Field("Person")})
    if len(keys) > _LISTED:
        yield Paragraph(f"{number(len(keys) - _LISTED)} more · `usertrack push --format json` names all", "dim")


def _requests(outcome: PushOutcome) -> Iterator[Block]:
    for position, request in enumerate(outcome.requests, start=1):
        head = "\n".join([f"{request.method} {request.url}", *(f"{k}: {v}" for k, v in request.headers.items())])
        body = json.dumps(text.plain(request.body), ensure_ascii=False, indent=2)
        yield Section(f"Request {position} of {len(outcome.requests)}", (Code(f"{head}\n\n{body}", "http"),))


def _request(request: Request) -> dict[str, object]:
    return {"method": request.method, "url": request.url, "headers": dict(request.headers), "body": request.body}
