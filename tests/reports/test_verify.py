"""What becomes of a report's figures when they are asked for again later: literal files, no sources."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import problem
from usertrack.core import embed
from usertrack.core.document import Chart, Facts, Field, Heatmap, Listing, Origin, Paragraph, Section, Spark
from usertrack.core.provenance import provenance, with_missing
from usertrack.core.table import Column, Table
from usertrack.reports.recipe import Recipe
from usertrack.reports.verify import compare, read_report
from usertrack.reports.verify_view import sentence

MADE_AT = datetime(2026, 11, 16, 6, tzinfo=UTC)
RECIPE = Recipe("weekly", "2026-W46", datetime(2026, 11, 15, 23, tzinfo=UTC), MADE_AT, "UTC", "demo")
EVENTS = Origin("posthog/pages", {"days": 8}, "posthog", RECIPE.as_of)
ACCOUNTS = Origin("neon/accounts", {}, "neon", RECIPE.as_of, ("credits",))


def known(visits: int = 7, people: int = 3, why: str = "credits 100 → 60", who: str = "a@x.example") -> dict[str, Any]:
    pages = Table((Column("page"), Column("views", "BIGINT")), [("/a", visits), ("/b", 2)])
    left = Table((Column("who"), Column("why"), Column("priority", "DOUBLE")), [(who, why, 9.5)])
    blocks = (
        Section("Traffic", (Listing(pages, fields={"views": Field("Views")}),), (EVENTS,)),
        Section("Segments", (Facts((("People", people),)), Listing(left, "Left")), (ACCOUNTS,)),
        Section("Words", (Paragraph("no figure of anything"),)),
    )
    return provenance(blocks, vars(RECIPE))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "week.md"
    path.write_text(embed.embed_provenance("# Week\n\n7 views\n", "markdown", known()))
    return path


def verdicts(
    file: Path, now: datetime = MADE_AT, body: str = "# Week\n\n7 views\n", **facts: Any
) -> list[tuple[str, str]]:
    discrepancies = compare(read_report(file), known(**facts), lambda: body, now)
    return [(discrepancy.verdict, discrepancy.subject) for discrepancy in discrepancies]


def test_nothing_changed(file: Path) -> None:
    assert verdicts(file) == []
    assert verdicts(file, MADE_AT + timedelta(days=90)) == []


def test_figures_are_named_by_their_place_and_their_query(file: Path) -> None:
    provenance_json = known()
    traffic = provenance_json["figures"][0]
    assert {**traffic, "values": dict(list(traffic["values"].items())[:3])} == {
        "section": "Traffic",
        "query": [0],
        "values": {"rows": 2, "/a › Views": 7, "/b › Views": 2},
    }
    assert provenance_json["queries"][0] == {
        "query": "posthog/pages",
        "params": {"days": 8},
        "source": "posthog",
        "as_of": "2026-11-15T23:00:00Z",
        "current": [],
    }
    assert not any(figure["section"] == "Words" for figure in provenance_json["figures"])


def test_a_figure_that_came_out_otherwise(file: Path) -> None:
    assert verdicts(file, visits=8) == [("differs", "Traffic › /a › Views")]
    assert verdicts(file, MADE_AT + timedelta(days=90), visits=8) == [("differs", "Traffic › /a › Views")]


def test_what_is_only_known_as_of_today_is_no_mismatch_later(file: Path) -> None:
    assert verdicts(file, people=4) == [("differs", "Segments › People")]
    assert verdicts(file, MADE_AT + timedelta(days=1), people=4) == [("cannot be known", "Segments › People")]
    gone = [("cannot be known", f"Segments › Left › {who}@x.example › priority") for who in "ab"]
    unknown = verdicts(file, MADE_AT + timedelta(days=1), who="b@x.example")
    assert [verdict for verdict in unknown if verdict[1].endswith("priority")] == gone
    assert verdicts(file, why="credits 100 → 50") == [("differs", "Segments › Left words")]


def test_a_line_that_was_altered(file: Path) -> None:
    file.write_text(file.read_text().replace("7 views", "8 views"))
    assert verdicts(file) == [("altered", "line 2 of the text")]


def test_blanks_that_were_altered(file: Path) -> None:
    file.write_text(file.read_text().replace("7 views", "7  views"))
    assert verdicts(file) == [("altered", "the file")]


def test_another_query_is_named(file: Path) -> None:
    file.write_text(file.read_text().replace('"query":"posthog/pages"', '"query":"posthog/page"'))
    [discrepancy] = compare(read_report(file), known(), lambda: "# Week\n\n7 views\n", MADE_AT)
    assert (discrepancy.verdict, discrepancy.subject, discrepancy.written[:12], discrepancy.now[:13]) == (
        *("differs", "Traffic: queries"),
        *("posthog/page", "posthog/pages"),
    )


def test_anything_else_in_the_provenance_is_not_silent(file: Path) -> None:
    file.write_text(file.read_text().replace('"version":"', '"version":"9'))
    assert verdicts(file) == [("altered", "the file")]


def test_what_a_source_did_not_answer_is_not_checked(file: Path) -> None:
    def compared(**facts: Any) -> list[tuple[str, str, str]]:
        again = compare(read_report(file), known(**facts), lambda: "", MADE_AT, {"posthog/pages": "PostHog is down"})
        return [(discrepancy.verdict, discrepancy.subject, discrepancy.why) for discrepancy in again]

    unchecked = ("not checked", "Traffic", "PostHog is down")
    assert compared(visits=8) == [unchecked]
    assert compared(visits=8, people=4) == [("differs", "Segments › People", ""), unchecked]


def test_unknown_when_it_was_made_is_not_checked(tmp_path: Path) -> None:
    path = tmp_path / "week.md"
    provenance = with_missing(known(visits=0), {"posthog/pages": "down"})
    path.write_text(embed.embed_provenance("# Week\n", "markdown", provenance))
    not_checked = [
        (discrepancy.verdict, discrepancy.subject, discrepancy.why)
        for discrepancy in compare(read_report(path), known(), lambda: "", MADE_AT)
    ]
    assert not_checked == [("not checked", "Traffic", "when the report was made: down")]


def test_a_query_said_to_be_missing_hides_no_altered_text(file: Path) -> None:
    text = file.read_text().replace('"current":[]', '"current":[],"missing":"x"').replace("7 views", "8 views")
    file.write_text(text)
    assert verdicts(file)[0][0] == "altered"


def test_other_words_are_shown_and_no_digest(tmp_path: Path) -> None:
    path = tmp_path / "week.md"
    page = "# Week\n\n## Segments\n\n| a@x.example | credits 100 → {} {} |\n"
    path.write_text(embed.embed_provenance(page.format(60, "left"), "markdown", known(why="60 left")))
    verdicts = compare(read_report(path), known(why="60 entered"), lambda: page.format(60, "entered"), MADE_AT)
    assert [
        (discrepancy.verdict, discrepancy.subject, discrepancy.written, discrepancy.now) for discrepancy in verdicts
    ] == [
        (
            *("differs", "Segments › Left words"),
            *("| a@x.example | credits 100 → 60 left |", "| a@x.example | credits 100 → 60 entered |"),
        )
    ]


def facts(failed: int) -> dict[str, Any]:
    pairs = Facts((("Failed runs", f"{failed} of 1 372"),))
    return provenance((Section("In short", (pairs,), (EVENTS,)),), vars(RECIPE))


@pytest.mark.parametrize(
    ("fmt", "page"),
    [
        ("markdown", "# Week\n\n## In short\n\n- Failed runs: {} of 1 372\n"),
        ("html", "<html><body><h2>In short</h2>\n<dt>Failed runs</dt><dd>{} of 1 372</dd>\n</body></html>\n"),
    ],
)
def test_a_sentence_with_another_number_is_told_in_words(tmp_path: Path, fmt: str, page: str) -> None:
    path = tmp_path / "week"
    path.write_text(embed.embed_provenance(page.format(266), fmt, facts(266)))
    [discrepancy] = compare(read_report(path), facts(265), lambda: page.format(265), MADE_AT)
    assert (discrepancy.verdict, sentence(discrepancy)) == (
        "differs",
        "In short › Failed runs: 266 of 1 372 in the file, 265 of 1 372 now",
    )


def test_figures_of_every_block() -> None:
    blocks = (
        Chart("bars", "C", ["x"], {"s": [1.5]}),
        Heatmap("H", ["r"], ["c"], [[2]]),
        Spark("S", [3, None], "says"),
    )
    figures = provenance((Section("All", blocks, (EVENTS,)),), {})["figures"]
    [group] = figures
    numbers = [(name, value) for name, value in group["values"].items() if not str(value).startswith("sha256")]
    assert numbers == [("C › s › x", 1.5), ("H › r › c", 2), ("S › 1", 3)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"figures": None}, "it has no figures"),
        ({"report": {}}, "it does not say how the report was made"),
        ({"report": {**vars(RECIPE), "as_of": "x"}}, "'x' is not a time"),
        ({"report": {**vars(RECIPE), "as_of": "0001-01-01T00:00+14:00"}}, "is not a time"),
        ({"report": {**vars(RECIPE), "as_of": "9999-12-31T23:59Z"}}, "no report is of the year 9999"),
        ({"report": {**vars(RECIPE), "limit": "x"}}, "'limit' is no int"),
        ({"report": {**vars(RECIPE), "limit": -1}}, "its limit is -1"),
        ({"figures": [{"section": "Traffic", "query": [7], "values": {"rows": 1}}]}, "it has no figures"),
        ({"report": {**vars(RECIPE), "timezone": "Mars/Phobos"}}, "'Mars/Phobos' is not a timezone"),
        ({"report": {**vars(RECIPE), "kind": "yearly"}}, "no reports of the kind 'yearly'"),
        ({"usertrack": 2}, "written by a newer usertrack"),
    ],
)
def test_damaged_files(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "x.md"
    facts = {
        **known(),
        **{name: provenance((), value)["report"] if name == "report" else value for name, value in change.items()},
    }
    path.write_text(embed.embed_provenance("# Week\n", "markdown", facts))
    assert message in problem(lambda: read_report(path)).message


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text("# a week")
    (tmp_path / "x.png").write_bytes(b"\x89PNG\xff")
    assert "is no report of usertrack" in problem(lambda: read_report(tmp_path / "x.md")).message
    assert "is not text" in problem(lambda: read_report(tmp_path / "x.png")).message
    assert "No such file" in problem(lambda: read_report(tmp_path / "y.md")).message
    assert "Is a directory" in problem(lambda: read_report(tmp_path)).message
