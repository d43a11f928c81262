"""The answer of `usertrack report verify`: a sentence for each figure or line that differs."""

from collections.abc import Sequence

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Field, Paragraph
from usertrack.core.errors import CheckFailed, Unknown
from usertrack.core.period import moment
from usertrack.core.words import number
from usertrack.reports.verify import UNCHECKED, UNKNOWABLE, Discrepancy, ReportFile

_COLUMNS: Columns[Discrepancy] = Columns(
    Attribute("verdict", "VARCHAR", field=Field("Verdict")),
    Attribute("what", "VARCHAR", "subject", Field("What", "text")),
    Attribute("written", "VARCHAR", lambda discrepancy: _written(discrepancy.written), Field("In the file", "text")),
    Attribute("now", "VARCHAR", lambda discrepancy: _written(discrepancy.now), Field("Made again", "text")),
    Attribute(
        "queries",
        "VARCHAR",
        lambda discrepancy: ", ".join(discrepancy.queries) or discrepancy.why,
        Field("From", "text", grows=True),
    ),
)


_SENTENCES: Columns[Discrepancy] = Columns(
    Attribute("verdict", "VARCHAR", field=Field("Verdict", "tag")),
    Attribute(
        "what", "VARCHAR", lambda discrepancy: sentence(discrepancy), Field("What", "text", grows=True, lines=12)
    ),
    Attribute("queries", "VARCHAR", lambda discrepancy: _few(discrepancy.queries), Field("From", "text")),
)


def sentence(discrepancy: Discrepancy) -> str:
    """``Failing Users › People: 30 in the file, 29 now``."""
    if discrepancy.verdict == UNCHECKED:
        return f"{discrepancy.subject}: {discrepancy.why}"
    written, now = _written(discrepancy.written) or "nothing", _written(discrepancy.now) or "nothing"
    if written == now == "other words":
        return f"{discrepancy.subject}: other words in the file than now"
    return f"{discrepancy.subject}: {written} in the file, {now} now"


def _few(queries: Sequence[str]) -> str:
    more = len(queries) - 2
    return ", ".join(queries[:2]) + (f" and {more} more" if more > 0 else "")


def verify_document(report: ReportFile, discrepancies: list[Discrepancy]) -> Document:
    """A row per figure or line that differs. A figure that can no longer be known is no mismatch."""
    recipe = report.recipe
    wrong = [discrepancy for discrepancy in discrepancies if discrepancy.verdict not in (UNKNOWABLE, UNCHECKED)]
    unchecked = [discrepancy for discrepancy in discrepancies if discrepancy.verdict == UNCHECKED]
    figures = f"{number(len(report.figures))} figures"
    if wrong:
        verdict = "does not match"
    elif unchecked:
        verdict = "the checked parts match, the rest was not checked"
    else:
        verdict = f"all {figures} and its text match"
    title = f"{report.path}: {verdict}"
    return Document(
        title=title,
        subtitle=f"{recipe.kind} report of {recipe.subject}, as of {moment(recipe.as_of, recipe.timezone)}",
        blocks=(_SENTENCES.listing(discrepancies, limit=50, timezone=recipe.timezone, as_of=recipe.as_of),)
        if discrepancies
        else (Paragraph(_COVERED, "dim"),),
        notes=tuple(dict.fromkeys(discrepancy.why for discrepancy in discrepancies if discrepancy.why)),
        table=_COLUMNS.table(discrepancies, "verify", timezone=recipe.timezone, as_of=recipe.as_of),
        timezone=recipe.timezone,
        as_of=recipe.as_of,
    )


_COVERED = "checked: every figure and its queries, asked for again for the same moment, and a digest of all of the file"


def _written(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value, 0 if isinstance(value, int) or value.is_integer() else 3)
    return "unknown" if value is None else str(value)


def raise_mismatch(report: ReportFile, discrepancies: list[Discrepancy]) -> None:
    """Raise CheckFailed when anything in the file is wrong, else Unknown when a part was not checked."""
    wrong = sum(discrepancy.verdict not in (UNKNOWABLE, UNCHECKED) for discrepancy in discrepancies)
    if wrong:
        subject = "1 figure or line is" if wrong == 1 else f"{number(wrong)} figures or lines are"
        raise CheckFailed(
            f"{report.path}: {subject} not what the sources say",
            "was it edited, or did rows come late? `usertrack report` makes it again",
        )
    unchecked = [discrepancy for discrepancy in discrepancies if discrepancy.verdict == UNCHECKED]
    if unchecked:
        raise Unknown(
            f"{report.path}: {', '.join(discrepancy.subject for discrepancy in unchecked)} not checked",
            "; ".join(dict.fromkeys(discrepancy.why for discrepancy in unchecked)),
        )
