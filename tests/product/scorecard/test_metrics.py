"""The scorecard of a small company, counted by hand: the four whole days 16 to 19 November, against 12 to 15."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from tests.conftest import problem
from tests.people import Company, Office, office
from usertrack.core.document import Listing, Paragraph
from usertrack.core.ordinary import OrdinaryWeek
from usertrack.core.stats import UNKNOWN, wilson
from usertrack.core.table import Column, Row, Table
from usertrack.library.library import Library, shipped_root
from usertrack.library.metric import Metric
from usertrack.library.sql import events_of
from usertrack.product.scorecard.numbers import Score, Scorecard, reading, scorecard
from usertrack.product.scorecard.view import metrics_document
from usertrack.workspace.settings import Setting

SUMMER = datetime(2026, 7, 1)


def nov(day: int, hour: float = 12) -> datetime:
    return datetime(2026, 11, day, int(hour), int(hour % 1 * 60))


def visits(company: Company) -> None:
    ann, bob, cat, own = (company.person(email) for email in ("ann@x.example", None, "cat@x.example", "o@datagen.dev"))
    for day in (16, 16, 18):
        company.event(ann, "$pageview", nov(day))
    company.event(ann, "mcp_connect_clicked", nov(18))
    company.event(bob, "$pageview", nov(18))
    company.event(cat, "mcp_connect_clicked", nov(19))  # without a pageview: in no rate
    company.event(cat, "$pageview", nov(14))
    company.event(own, "before all", SUMMER)
    for event in ("$pageview", "mcp_connect_clicked"):
        company.event(own, event, nov(17))
        company.event(bob, event, nov(20, 0))  # today is not over
    company.event(bob, "seen at midnight", nov(17, 23.5))  # in Berlin, the 18th


def accounts(company: Company) -> None:
    """Signups with their first run after 1, 2 and 4 days, and one who still waits after 3: half have run after 2."""
    company.account("one@x.example", signed_up=nov(16, 0), runs={"completed": 3}, run_at=nov(17, 0))
    company.account("two@x.example", signed_up=nov(16, 0), runs={"failed": 1}, run_at=nov(18, 0))
    waits = company.account("Waits@x.example", signed_up=nov(17, 0), runs={"running": 1}, run_at=nov(20, 1))
    company.tool(waits, nov(16))  # before the signup: it counts for no day, which would have more users than people
    company.account("waits@x.example", signed_up=nov(18, 0))
    company.account("four@x.example", signed_up=nov(16, 0), runs={"cancelled": 2}, run_at=nov(19, 23.99))
    company.account("own@datagen.dev", signed_up=nov(16, 0), runs={"failed": 5}, run_at=nov(16))
    company.tool(company.account("old@x.example", signed_up=SUMMER), nov(16))
    company.account("older@x.example", signed_up=SUMMER, runs={"completed": 1, "failed": 1}, run_at=nov(13))


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    visits(company)
    accounts(company)
    with office(tmp_path_factory.mktemp("metrics"), company) as opened:
        yield opened


@pytest.fixture(scope="module")
def card(engines: Office) -> Scorecard:
    with engines.runner() as runner:
        return scorecard(runner, days=4)


def of(card: Scorecard, name: str) -> Score:
    return next(score for score in card.scores if score.query.name.endswith(name))


def test_the_windows_are_whole_days(card: Scorecard) -> None:
    assert [moment.isoformat()[:16] for moment in (card.before, card.since, card.until)] == [
        "2026-11-12T00:00",
        "2026-11-16T00:00",
        "2026-11-20T00:00",
    ]
    assert (card.dates[0], card.dates[-1], len(card.dates)) == (date(2026, 11, 12), date(2026, 11, 19), 8)


def test_people_of_an_average_day(card: Scorecard) -> None:
    score = of(card, "active_people")
    assert (score.now.value, score.now.n, score.band) == (1.25, 4, "below good")
    assert score.series == (0, 0, 1, 0, 1, 1, 2, 1)
    assert score.change == 1.0


def test_a_day_is_that_of_the_timezone(engines: Office) -> None:
    with engines.runner() as runner:
        zone = {"timezone": Setting("Europe/Berlin", "test")}
        runner.settings = replace(runner.settings, values={**runner.settings.values, **zone})
        assert of(scorecard(runner, ["active_people"], days=4), "active_people").series[4:] == (1, 0, 2, 1)


def test_connect_rate_is_of_persons_who_were_there(card: Scorecard) -> None:
    score = of(card, "connect_rate")
    assert (score.now.value, score.now.n, score.now.interval) == (0.5, 2, wilson(1, 2))
    assert score.series == (None, None, 0, None, 0, None, 0.5, None)
    assert (score.band, score.change, score.verdict) == ("good", 0.5, "")  # 1 of 2 may be a tenth as well


def test_a_rate_of_an_event_that_never_occurred_is_unknown(engines: Office, tmp_path: Path) -> None:
    sql = (shipped_root() / "queries/posthog/connect_rate.sql").read_text()
    (tmp_path / "posthog").mkdir()
    (tmp_path / "posthog/mistyped.sql").write_text(sql.replace("{connect_clicked}", "event = 'mcp_conect_clicked'"))
    with engines.runner("posthog") as runner:
        runner.library = Library([shipped_root() / "queries", tmp_path])
        card = scorecard(runner, ["mistyped", "connect_rate"], days=4)
    score = of(card, "mistyped")
    assert (score.now.value, score.now.interval, score.now.n, score.band, score.series) == (None, UNKNOWN, 2, "", ())
    notes = metrics_document(card).notes
    assert (
        "MCP connect rate is unknown: no event 'mcp_conect_clicked' ever occurred; did you mean 'mcp_connect_clicked'?"
        in notes
    )
    assert of(card, "connect_rate").now.value == 0.5


def test_a_column_has_one_home(card: Scorecard) -> None:
    document = metrics_document(card, compare=True)
    assert document.table is not None
    assert document.data is not None
    columns = set(document.table.names)
    assert columns <= set(document.data()["metrics"][0])
    seen = {name for block in document.blocks if isinstance(block, Listing) for name in block.table.names}
    assert seen - columns == {"days"}  # which is `series` in JSON


def test_a_rate_of_an_event_that_has_not_occurred_yet_is_unknown(engines: Office) -> None:
    with engines.runner("posthog", as_of=datetime.fromisoformat("2026-11-16T09:00+00:00")) as runner:
        score = of(scorecard(runner, days=4), "connect_rate")
    assert (score.now.value, score.band, score.unknown) == (
        None,
        "",
        "no event 'mcp_connect_clicked' ever occurred; the most frequent are $pageview",
    )


@pytest.mark.parametrize(
    ("sql", "events"),
    [
        ("countIf(event = 'a') / countIf(e.event IN ('b', 'c'))", [["a"], ["b", "c"]]),
        ("event = 'a' OR event = {x} OR event IN {y}", [["a", "given", "d", "e"]]),
        ("if(event = 'a', 'x', 'y') AND ({none} = '' OR event = {none})", [["a"]]),
        ("event != 'a' AND event NOT IN ('b') AND properties.event = 'c' -- event = 'd'", []),
        ("event IN (SELECT name FROM events WHERE name LIKE 'a')", []),
    ],
)
def test_the_events_that_a_query_cannot_do_without(sql: str, events: list[list[str]]) -> None:
    assert events_of(sql, {"x": "given", "y": ["d", "e"], "none": ""}) == events


def test_a_median_knows_who_still_waits(card: Scorecard) -> None:
    score = of(card, "first_run")
    row = score.now.row
    assert (score.now.value, row["n"], row["ran"], row["censored"]) == (2, 4, 3, 1)
    assert score.series[4] == 2
    assert (score.band, score.before.value, score.change) == ("good", None, None)
    assert score.note.startswith("signed up 23 Oct – 19 Nov: 3 of 4 have had theirs, 1 have not yet")


def test_signups_of_a_few_days_are_judged_with_those_before_them(engines: Office) -> None:
    with engines.runner("neon", as_of=datetime.fromisoformat("2026-11-28T09:00+00:00")) as runner:
        score = of(scorecard(runner, ["first_run"], days=7), "first_run")
    assert (score.now.value, score.now.n, score.now.row["ran"], score.now.row["within"]) == (2, 4, 4, 1)
    assert score.note == "signed up 31 Oct – 27 Nov: 4 of 4 have had theirs, 0 have not yet; within 7 days 100 % do"


def test_the_share_within_the_target(engines: Office) -> None:
    with engines.runner() as runner:
        end = {"as_of": runner.as_of.replace(hour=0)}
        row = runner.table(runner.bind("first_run", {"days": 4, "target_days": 2, "cohort_days": 4}, **end)).dicts()[-1]
        assert row["within"] == pytest.approx(0.5)
        # Greenwood: 0.25 (1/(4·3) + 1/(3·2)) = 0.0625; log(−log): 0.5 ** exp(±1.96 · 0.5 / 0.6931)
        assert (row["within_low"], row["within_high"]) == pytest.approx((0.1552, 0.9416), abs=2e-3)


def test_success_is_over_finished_runs(card: Scorecard) -> None:
    score = of(card, "run_success")
    assert (score.now.value, score.now.n, score.now.row["people"]) == (0.75, 4, 2)
    assert score.series == (None, 0.5, None, None, None, 1, 0, None)
    # four runs of two people, 3 of 3 and 0 of 1: 0.75 · 0.25 / (2/1 · (0.75² + 0.75²) / 4²)
    assert score.now.row["n_effective"] == pytest.approx(4 / 3)
    assert (score.before.value, score.before.n) == (0.5, 2)


def test_utilisation_is_use_and_not_balance(card: Scorecard) -> None:
    score = of(card, "utilisation")
    assert (score.now.value, score.now.n) == (4 / 6, 6)
    assert score.series == (0, 0.5, 0, 0, 1 / 5, 1 / 6, 1 / 6, 1 / 6)


def test_without_postgres_its_metrics_are_unknown(engines: Office) -> None:
    with engines.runner("posthog") as runner:
        card = scorecard(runner, days=4)
    assert card.missing
    assert [bool(score.error) for score in card.scores] == [False, False, True, True, True]
    assert (of(card, "run_success").now.value, of(card, "run_success").band) == (None, "")


def test_an_empty_window_has_no_figure(engines: Office) -> None:
    with engines.runner(as_of=datetime.fromisoformat("2020-01-01T00:00+00:00")) as runner:
        card = scorecard(runner, days=7)
    for name in ("connect_rate", "first_run", "run_success", "utilisation"):
        score = of(card, name)
        assert (score.now.value, score.now.interval, score.change, score.band) == (None, UNKNOWN, None, ""), name


def test_a_name_that_is_no_metric(engines: Office) -> None:
    with engines.runner() as runner:
        error = problem(lambda: scorecard(runner, ["neon/accounts"]))
    assert error.message == "'neon/accounts' is not a metric"


def test_rows_that_are_not_as_the_kind_has_them() -> None:
    columns = (Column("hits", "BIGINT"), Column("n", "BIGINT"), Column("day"))

    def message(*rows: Row, width: int = 3) -> str:
        return problem(lambda: reading(Metric("A", "rate"), Table(columns[:width], rows))).message

    assert "2 rows for the whole window" in message((1, 2, None), (1, 2, None))
    assert "lacks n" in message((1,), width=1)
    assert "hits that are more than n" in message((3, 2, None))
    assert "hits that are more than n, or below 0" in message((-1, 2, None))
    assert "what is no number" in message(("many", 2, None))
    assert "a `day` that is no date" in message((1, 2, "yesterday"))
    assert "a `day` that is no date" in message((1, 2, [date(2026, 11, 20)]))


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        ("count", {"value": -3}, "counts less than nothing"),
        ("rate", {"hits": 1, "n": 4, "n_effective": "many"}, "what is no number"),
        ("rate", {"hits": 1, "n": 4, "n_effective": -1.0}, "hits that are more than n, or below 0"),
        ("mean", {"value": 1.0, "sd": 1.0, "n": -2}, "counts less than nothing"),
        ("estimate", {"value": 1.0, "low": [0], "high": 2.0, "n": 2}, "what is no number"),
    ],
)
def test_figures_that_cannot_be(kind: str, row: dict[str, object], message: str) -> None:
    table = Table(tuple(Column(name) for name in row), [tuple(row.values())])
    error = problem(lambda: reading(Metric("A", kind), table))
    assert message in error.message
    assert error.hint.startswith(f"a {kind} is one row of ")


def test_a_count_of_nothing_is_0_and_a_rate_of_nothing_unknown() -> None:
    assert reading(Metric("A", "count"), Table((Column("value"),), [(0,)])).value == 0
    assert reading(Metric("A", "rate"), Table((Column("hits"), Column("n")), [(0, 0)])).value is None


SIGNUPS = """\
-- title: Signups
-- params: {days: 30}
-- metric:
--   label: New accounts
--   kind: count
--   good: at least 3
SELECT NULL::date AS day, count(*) AS value
FROM wasp_user
WHERE created_at < {as_of} AND created_at >= {as_of} - make_interval(days => {days}::int)
"""


def test_a_file_is_a_metric_more(engines: Office, tmp_path: Path) -> None:
    (tmp_path / "neon").mkdir()
    (tmp_path / "neon/signups.sql").write_text(SIGNUPS)
    with engines.runner("neon") as runner:
        runner.library = Library([shipped_root() / "queries", tmp_path])
        score = of(scorecard(runner, days=4), "signups")
    assert (score.now.value, score.now.n, score.band, score.before.value, score.series) == (6, 6, "good", 0, ())
    assert score.change_interval.low is not None
    assert score.change_interval.low > 0
    assert (score.verdict, score.ordinary.missing) == ("", "not enough weeks yet (0 of 8)")


def test_a_metric_without_thresholds_has_a_direction(engines: Office, tmp_path: Path) -> None:
    (tmp_path / "neon").mkdir()
    (tmp_path / "neon/signups.sql").write_text(SIGNUPS.replace("good: at least 3", "better: lower"))
    with engines.runner("neon") as runner:
        runner.library = Library([shipped_root() / "queries", tmp_path])
        score = of(scorecard(runner, days=4), "signups")
    assert (score.band, replace(score, last_week=6, ordinary=OrdinaryWeek(8, 2, 5)).verdict) == ("", "worse")


DAILY = """\
-- title: Orders
-- params: {days: 30}
-- metric: {label: Orders, kind: count, good: at least 1}
SELECT day, sum(CASE WHEN day < {as_of}::date - 7 THEN 9 + ((day - '2026-01-01'::date) & 1) ELSE 3 END) AS value
FROM generate_series(greatest({as_of}::date - {days}::int, '2026-09-05'), {as_of}::date - 1, '1 day') AS days (at),
    LATERAL (SELECT at::date AS day) AS d
GROUP BY GROUPING SETS ((day), ())
"""


def test_a_drop_after_ten_like_weeks_is_told(engines: Office, tmp_path: Path) -> None:
    """Some 67 orders a week since 5 September, a Saturday; in the last one 21. The first week has six days: none."""
    (tmp_path / "neon").mkdir()
    (tmp_path / "neon/orders.sql").write_text(DAILY)
    with engines.runner("neon") as runner:
        runner.library = Library([shipped_root() / "queries", tmp_path])
        score = of(scorecard(runner, ["orders"], days=30), "orders")
    assert (score.last_week, score.ordinary.weeks, score.verdict) == (21, 9, "worse")


@pytest.mark.parametrize(
    ("written", "instead", "line", "message"),
    [
        ("kind: count", "kind: cuont", 5, "'kind': no metric is of kind 'cuont'"),
        ("at least 3", "'> 3'", 6, "'good': '> 3' is not a threshold"),
        ("  good: at least 3", "  excellent: above 3", 6, "'excellent': lies beyond good, in the same direction"),
        ("  label: New accounts\n--   ", "  ", 3, "'metric': needs a label"),
        ("kind: count", "kind: rate", 6, "'good': 'at least 3' is of no use to a rate, which is in percent"),
        ("at least 3", "at least 3 %", 6, "'good': 'at least 3 %' is in percent, and a count is not"),
        ("  good: at least 3", "  better: more", 6, "'better': 'more' is no direction"),
        ("  good:", "  better: lower\n--   good:", 6, "'better': 'lower' is not what good says: at least 3"),
        ("  good:", "  godo:", 6, "'godo': a metric has no such key"),
        ("{days}", "30", 2, "parameter 'days' is declared but not used"),
        ("{as_of}", "now()", 3, "a metric answers for the `days` before {as_of}"),
    ],
)
def test_mistakes_in_a_header(tmp_path: Path, written: str, instead: str, line: int, message: str) -> None:
    (tmp_path / "neon").mkdir()
    path = tmp_path / "neon/signups.sql"
    path.write_text(SIGNUPS.replace(written, instead))
    error = problem(lambda: Library([tmp_path])["neon/signups"])
    assert error.message.startswith(f"{path}:{line}: {message}")
    assert error.hint


def test_no_change_where_the_log_begins_within_the_days_before(engines: Office) -> None:
    """Of two windows of 100 days the first event is in the earlier one."""
    with engines.runner() as runner:
        card = scorecard(runner, ["posthog/active_people", "neon/run_success"], days=100)
    visitors, runs = card.scores
    assert (visitors.now.value is not None, visitors.before.value, visitors.change) == (True, None, None)
    assert runs.now.value is not None
    titles = [block.text for block in metrics_document(card).blocks if isinstance(block, Paragraph)]
    assert "the log begins on 1 Jul 2026: how figures of events have changed is unknown" in titles
