"""A segments document as `usertrack segments` shows it, and a dossier: literal, so that golden files stay."""

from datetime import date, datetime

from usertrack.core.document import (
    Chart,
    Document,
    Facts,
    Field,
    Heatmap,
    Listing,
    Paragraph,
    Section,
    Spark,
    Tag,
)
from usertrack.core.table import Column, Table

AS_OF = datetime(2026, 11, 20, 8, 0)
ZONE = "Europe/Berlin"

SUMMARY = Table(
    columns=(
        Column("segment"),
        Column("people", "BIGINT"),
        Column("share", "DOUBLE"),
        Column("change"),
        Column("action"),
    ),
    rows=[
        ("Failing Users", 31, 0.0158, "+4 −2", "Support"),
        ("Frustrated Users", 58, 0.02956, "+11 −9", "Fix UX"),
        ("High-Intent Prospects", 74, 0.0377, "+19 −6", "Outreach"),
        ("At-Risk Users", 412, 0.21, "+37 −12", "Re-engage"),
        ("Power Users", 187, 0.0953, "+8 −1", "Nurture"),
    ],
    timezone=ZONE,
    as_of=AS_OF,
)

TAGS = {
    name: Tag(id_, place)
    for place, id_ in enumerate(("failing", "frustrated", "high_intent", "at_risk", "power"))
    for name in (id_, SUMMARY.rows[place][0])
}

PEOPLE = Table(
    columns=(
        Column("email"),
        Column("primary"),
        Column("segments", "VARCHAR[]"),
        Column("action"),
        Column("priority", "DOUBLE"),
        Column("because"),
        Column("credits", "BIGINT"),
        Column("last_seen", "TIMESTAMP"),
    ),
    rows=[
        (
            "lena@northwind.example",
            "failing",
            ["failing", "power"],
            "Support",
            9.2,
            '14 of 19 runs failed since 12 Nov, 11 of them "Modal OOM (rc=137)"',
            12,
            datetime(2026, 11, 20, 6, 1),
        ),
        (
            "omar@acme.example",
            "high_intent",
            ["high_intent"],
            "Outreach",
            8.0,
            "clicked connect 5× (Gmail, Slack), still holds all 100 credits; signed up 3 d ago",
            100,
            datetime(2026, 11, 19, 6, 1),
        ),
        (
            "=cmd|' /C calc'!A0@[/red]\x1b[31m\u202e.example",
            "frustrated",
            ["frustrated"],
            "Fix UX",
            7.25,
            "<b>3 rage clicks</b> on [link](javascript:alert(1)) | `code`",
            None,
            None,
        ),
        (
            "שירה@דוגמה.example",
            "at_risk",
            ["at_risk"],
            "Re-engage",
            1.0,
            "signed up 31 d ago, never ran anything 🙁",
            100,
            datetime(2026, 8, 2, 22, 30),
        ),
        ("mia@initech.example", "power", ["power"], "Nurture", 0.5, "41 runs, 8 credits left", 8, None),
    ],
    name="segments",
    source="PostHog, Neon",
    timezone=ZONE,
    as_of=AS_OF,
    notes=("6 e-mails are ambiguous (`usertrack match`)",),
)


def segments() -> Document:
    return Document(
        title="Segments on 20 Nov 2026, 09:00 Europe/Berlin",
        subtitle="1 962 accounts · PostHog ⋈ Neon 1 604 matched",
        blocks=(
            Listing(
                SUMMARY,
                fields={
                    "segment": Field("Segment", kind="tag", tags=TAGS),
                    "people": Field("People"),
                    "share": Field("Share", kind="bar"),
                    "change": Field("Since last week", align="right"),
                    "action": Field("Action"),
                },
            ),
            Listing(
                PEOPLE,
                heading="Who to talk to first",
                columns=("email", "primary", "priority", "last_seen", "because"),
                fields={
                    "email": Field("Person", kind="person"),
                    "primary": Field("Segment", kind="tag", tags=TAGS),
                    "priority": Field("Priority"),
                    "last_seen": Field("Seen", kind="when"),
                    "because": Field("Why", grows=True),
                },
                limit=4,
                more="why? `usertrack explain lena@northwind.example`",
            ),
        ),
        notes=("41 people have events but no account, 317 accounts have no events", "6 e-mails are ambiguous"),
        table=PEOPLE,
        timezone=ZONE,
        as_of=AS_OF,
    )


TOOLS = Table(
    columns=(
        Column("tool"),
        Column("uses", "BIGINT"),
        Column("success", "DOUBLE"),
        Column("first", "TIMESTAMP"),
        Column("last", "TIMESTAMP"),
    ),
    rows=[
        ("gmail_send_message", 84, 0.964, datetime(2026, 9, 4, 7), datetime(2026, 11, 20, 6)),
        ("linear_create_issue", 31, 0.516, datetime(2026, 9, 10, 7), datetime(2026, 11, 18, 6)),
    ],
    timezone=ZONE,
    as_of=AS_OF,
)


def dossier() -> Document:
    activity = (0, 0, 2, 4, 1, None, 0, 1, 6, 8, 7, 2, 0, 0, 3, 4, 2, 1, 0, 0, 0, 1, 3, 6, 8, 7, 4, 2, 1, 0)
    return Document(
        title="Lena Park",
        subtitle="lena@northwind.example · account 812 · signed up 3 Sep 2026 · credits 12 / 100 · trial",
        blocks=(
            Paragraph("Failing Users → Support    Power Users → Nurture", style="bold"),
            Facts((("last seen", datetime(2026, 11, 20, 6, 1)), ("sessions", 1234), ("servers", ["Gmail", "Slack"]))),
            Spark("Activity, 30 days", activity, "last seen 2 h ago · 23 sessions · median 6 min"),
            Section(
                "Tools",
                (
                    Listing(
                        TOOLS,
                        fields={
                            "success": Field(kind="bar", full=1.0),
                            "first": Field(kind="when"),
                            "last": Field(kind="when"),
                        },
                    ),
                ),
            ),
        ),
        timezone=ZONE,
        as_of=AS_OF,
    )


def figures() -> Document:
    hours = Heatmap(
        "Active by weekday and hour",
        ("Mon", "Tue", "[red]Sat[/red]"),
        [f"{hour:02}" for hour in range(24)],
        [[max(0, 120 - 10 * abs(hour - at)) for hour in range(23)] + [None] for at in (9, 14, 40)],
        caption="events, UTC",
    )
    weeks = (("28 Sep", [1, 0.41, 0.333, 0.004]), ("5 Oct", [1, 0.44, 0.352, None]), ("12 Oct", [1, 0, None, None]))
    retention = Heatmap(
        "Retention",
        [week for week, _ in weeks],
        ["0", "1", "2", "3"],
        [list(row) for _, row in weeks],
        "percent",
        corner="Week of",
    )
    days = [date(2026, 11, day) for day in range(1, 15)]
    people = (120, 131, 128, 140, None, None, 151, 149, 162, 170, 168, 90, 85, 181)
    shares = {"runs": [0.8 + 0.01 * n for n in range(14)], "<b>calls</b>": [0.9 - 0.02 * n for n in range(14)]}
    return Document(
        title="Figures",
        blocks=(
            hours,
            retention,
            Chart("trend", "Active people", days, {"active": people}, "people", "today is not over"),
            Chart("trend", "Success", days, shares, "percent"),
            Chart("bars", "Calls", ["gmail_send_message", "linear|issue"], {"calls": [84, 0.5], "failed": [None, 31]}),
        ),
        table=hours.table,
        timezone=ZONE,
        as_of=AS_OF,
    )
