"""What verifying a report found, as a document."""

from usertrack.document import Document, Listing, Paragraph, Shown
from usertrack.errors import CheckFailed, Unknown
from usertrack.measures import number
from usertrack.report.segments import moment
from usertrack.table import Column, Row, Table
from usertrack.verify import UNCHECKED, UNKNOWABLE, Finding, Sealed


def verify_document(report: Sealed, found: list[Finding]) -> Document:
    """A row per figure or line that is not as it should be; what can no longer be known is no mismatch."""
    recipe = report.recipe
    wrong = [finding for finding in found if finding.verdict not in (UNKNOWABLE, UNCHECKED)]
    unchecked = [finding for finding in found if finding.verdict == UNCHECKED]
    rows: list[Row] = [
        (one.verdict, one.what, _said(one.written), _said(one.now), ", ".join(one.queries) or one.why) for one in found
    ]
    shown = {
        "verdict": Shown("Verdict"),
        "what": Shown("What", "text"),
        "written": Shown("In the file", "text"),
        "now": Shown("Made again", "text"),
        "queries": Shown("From", "text", grows=True),
    }
    table = Table(tuple(map(Column, shown)), rows, name="verify", as_of=recipe.as_of, timezone=recipe.timezone)
    figures = f"{number(len(report.figures))} figures"
    if wrong:
        said = "does not hold"
    elif unchecked:
        said = "what could be asked for is right, the rest was not checked"
    else:
        said = f"all {figures} and its text are right"
    title = f"{report.path}: {said}"
    return Document(
        title=title,
        subtitle=f"{recipe.kind} report of {recipe.subject}, as of {moment(recipe.as_of, recipe.timezone)}",
        blocks=(Listing(table, shown=shown, limit=50),) if found else (Paragraph(_COVERED, "dim"),),
        notes=tuple(dict.fromkeys(one.why for one in found if one.why)),
        table=table,
        timezone=recipe.timezone,
        as_of=recipe.as_of,
    )


_COVERED = "checked: every figure and its queries, asked for again for the same moment, and a digest of all of the file"


def _said(value: object) -> str:
    return "unknown" if value is None else str(value)


def raise_mismatch(report: Sealed, found: list[Finding]) -> None:
    """Raise CheckFailed when anything in the file is not as it should be, else Unknown when not all was checked."""
    wrong = sum(finding.verdict not in (UNKNOWABLE, UNCHECKED) for finding in found)
    if wrong:
        said = "1 figure or line is" if wrong == 1 else f"{number(wrong)} figures or lines are"
        raise CheckFailed(
            f"{report.path}: {said} not what the sources say",
            "was it edited, or did rows come late? `usertrack report` makes it anew",
        )
    open_ = [finding for finding in found if finding.verdict == UNCHECKED]
    if open_:
        raise Unknown(
            f"{report.path}: {', '.join(finding.what for finding in open_)} not checked",
            "; ".join(dict.fromkeys(finding.why for finding in open_)),
        )
