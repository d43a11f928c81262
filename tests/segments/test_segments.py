"""Who is in which segment: one small company, in which every person stands on one side of one boundary."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.people import NOW, Company, Office, ago, office
from usertrack.core.spool import identifier
from usertrack.segments.classify import Classification, classify

WEEK = 7
JUST = 1  # second


def action_people(company: Company) -> None:
    """The five segments, each at its edges. Nobody here is young, unless it says so."""
    active_at = ago(1)  # when those were active whom it would otherwise put at risk
    for count in (5, 6):
        company.account(f"{count}_runs@x.example", runs={"completed": count})
    for left in (49.99, 50, 0):
        company.account(f"{left}_credits@x.example", credits=left, runs={"completed": 1})
    company.account("unknown_credits@x.example", credits=None, runs={"completed": 5})
    company.account("unknown_credits_6_runs@x.example", credits=None, runs={"completed": 6})

    # failing: more than 5 runs, less than half of the finished ones completed
    company.account("half@x.example", runs={"completed": 3, "failed": 3})
    company.account("under_half@x.example", runs={"completed": 3, "failed": 4})
    company.account("5_failed@x.example", runs={"failed": 5})
    company.account("6_failed@x.example", runs={"failed": 6})
    company.account(
        "unfinished@x.example", runs={"completed": 1, "failed": 1, "running": 2, "queued": 2, "cancelled": 9}
    )
    company.account("never_finished@x.example", runs={"running": 6})

    # frustrated: a rage click or an exception within 7 days
    for name, event, at in (
        ("rage_now", "$rageclick", ago()),
        ("rage_week_less", "$rageclick", ago(WEEK, -JUST)),
        ("rage_week", "$rageclick", ago(WEEK)),
        ("exception_now", "$exception", ago(6)),
        ("rage_tomorrow", "$rageclick", ago(-1)),
    ):
        company.account(f"{name}@x.example", runs={"completed": 1})
        company.event(company.person(f"{name}@x.example"), event, at, **{"p_$pathname": "/runs"})

    # high intent: a click within 30 days, 100 credits, no active subscription
    for name, options, at in (
        ("click", {}, ago(1)),
        ("click_month_less", {}, ago(30, -JUST)),
        ("click_month", {}, ago(30)),
        ("click_99", {"credits": 99.99}, ago(1)),
        ("click_unknown_credits", {"credits": None}, ago(1)),
        ("click_subscriber", {"subscription": "active"}, ago(1)),
        ("click_past_subscriber", {"subscription": "canceled"}, ago(1)),
    ):
        company.account(f"{name}@x.example", **{"credits": 100, "runs": {"completed": 1}, **options})
        company.event(company.person(f"{name}@x.example"), "mcp_connect_clicked", at, template_name="Notion")
    company.account("no_click@x.example", credits=100, runs={"completed": 1})
    for name, server, times in (
        ("3_clicks", "Notion", 3),
        ("2_clicks", "Notion", 2),
        ("gmail", "gMail", 2),
        ("gmails", "Gmail", 3),
    ):
        company.account(f"{name}@x.example", credits=100, runs={"completed": 1})
        company.event(company.person(f"{name}@x.example"), "mcp_connect_clicked", ago(1), times, template_name=server)

    # at risk: signed up 7 days ago, never a run, nothing of any kind for 7 days
    company.account("idle@x.example")
    company.account("signed_up_week@x.example", signed_up=ago(WEEK))
    company.account("signed_up_week_less@x.example", signed_up=ago(WEEK, -JUST))
    company.account("old_run@x.example", runs={"completed": 1}, run_at=ago(50))
    company.account("queued_run@x.example", runs={"queued": 1}, run_at=ago(50))
    for at, name in ((active_at, "now"), (ago(WEEK), "week"), (ago(WEEK, -JUST), "week_less")):
        company.tool(company.account(f"tool_{name}@x.example"), at)
        company.code(company.account(f"code_{name}@x.example"), at)
        company.agent(company.account(f"agent_{name}@x.example"), at)
        company.custom_tool(company.account(f"custom_tool_{name}@x.example"), at)
        company.account(f"last_active_{name}@x.example", last_active=at)
        company.account(f"event_{name}@x.example")
        company.event(company.person(f"event_{name}@x.example"), "$pageview", at)


def identities(company: Company) -> None:
    """The same person under several names, and people of only one source."""
    for spelling, runs in (("Twice@X.example", 4), (" twice@x.example ", 3)):
        company.account(spelling, runs={"completed": runs}, credits=runs * 10, last_active=ago(runs))
    company.event(company.person("TWICE@x.example"), "$rageclick", ago(1))
    company.event(company.person("twice@x.example"), "$rageclick", ago(2))

    user = company.account("two_backends@x.example", runs={"completed": 3})
    account = company.tables["fastapi_user"][user - 1]["wasp_user_id"]
    second = company._add("fastapi_user", wasp_user_id=account)
    for _ in range(3):
        company.run(second, "completed", ago(2))

    company.event(company.person("posthog_only@x.example"), "$exception", ago(1))
    company.event(company.person("posthog_clicker@x.example"), "mcp_connect_clicked", ago(1), template_name="Gmail")
    company.event(company.person(None), "$rageclick", ago(1))
    company.event(company.person(None), "$pageview", ago(1))
    company.account(None)
    company.account("  ")
    for own in ("a@datagen.dev", "B@DataGen.dev", "c@mail.datagen.dev", "boss@partner.example"):
        company.account(own, runs={"completed": 9})
    company.account("d@notdatagen.dev", runs={"completed": 9})
    company.account("notboss@partner.example", runs={"completed": 9})


def lives(company: Company) -> None:
    """The lifecycle: events within 30 days, and days since the last one."""
    for name, signed_up, events, idle in (
        ("life_new", ago(WEEK, -JUST), 200, 0),
        ("life_7", ago(WEEK), 200, 0),
        ("life_99", ago(60), 99, 0),
        ("life_100", ago(60), 100, 7),
        ("life_100_8d", ago(60), 100, 8),
        ("life_30_14d", ago(60), 30, 14),
        ("life_29_14d", ago(60), 29, 14),
        ("life_30_15d", ago(60), 30, 15),
        ("life_1_29d", ago(60), 1, 29),
    ):
        company.account(f"{name}@x.example", signed_up=signed_up)
        company.event(company.person(f"{name}@x.example"), "$pageview", ago(idle), events)
    company.account("life_run_31d@x.example", runs={"completed": 1}, run_at=ago(31))
    company.account("life_never@x.example")
    company.account("life_newborn@x.example", signed_up=ago(1))
    mixed = company.account("life_mixed@x.example", runs={"completed": 10}, run_at=ago(1))
    for _ in range(10):
        company.tool(mixed, ago(1))
        company.code(mixed, ago(1))
    company.event(company.person("life_eventful@x.example"), "$pageview", ago(1))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    rows = Company()
    for write in (action_people, identities, lives):
        write(rows)
    with office(tmp_path_factory.mktemp("company"), rows) as opened:
        yield opened


@pytest.fixture(scope="module")
def action(company: Office) -> Iterator[Classification]:
    with company.classified(internal=["datagen.dev", "boss@partner.example"]) as classification:
        yield classification


def segments_of(classification: Classification, name: str) -> list[str]:
    row = classification.profiles.connection.execute(
        "SELECT segments FROM classified WHERE email = ?", [f"{name}@x.example"]
    ).fetchone()
    return row[0] if row else []


def in_it(classification: Classification, segment: str, *names: str) -> list[bool | None]:
    flag = identifier(f"in {segment}")
    return [
        classification.profiles.row(f"SELECT {flag} FROM flagged WHERE email = ?", [f"{name}@x.example"])[0]
        for name in names
    ]


def test_power_needs_more_than_5_runs_or_less_than_50_credits(action: Classification) -> None:
    assert in_it(action, "power", "5_runs", "6_runs", "49.99_credits", "50_credits", "0_credits") == [
        False, True, True, False, True,
    ]  # fmt: skip


def test_credits_that_are_not_known_decide_nothing(action: Classification) -> None:
    assert in_it(action, "power", "unknown_credits", "unknown_credits_6_runs") == [None, True]
    assert in_it(action, "high_intent", "click_unknown_credits") == [None]


def test_failing_is_less_than_half_of_more_than_5_runs(action: Classification) -> None:
    assert in_it(action, "failing", "half", "under_half", "5_failed", "6_failed") == [False, True, False, True]


def test_runs_that_are_not_over_are_not_in_the_rate(action: Classification) -> None:
    assert in_it(action, "failing", "unfinished") == [False]  # 1 of 2, of 15 runs
    assert in_it(action, "failing", "never_finished") == [False]  # of 15 runs, too


def test_frustration_is_of_the_last_7_days(action: Classification) -> None:
    assert in_it(action, "frustrated", "rage_now", "rage_week_less", "rage_week", "exception_now", "rage_tomorrow") == [
        True,
        True,
        False,
        True,
        False,
    ]


def test_high_intent_is_a_click_in_30_days_by_somebody_with_all_credits(action: Classification) -> None:
    assert in_it(
        action, "high_intent", "click", "click_month_less", "click_month", "click_99", "no_click"
    ) == [True, True, False, False, False]  # fmt: skip


def test_subscribers_are_no_prospects(action: Classification) -> None:
    assert in_it(action, "high_intent", "click_subscriber", "click_past_subscriber") == [False, True]


def test_more_clicks_are_more_urgent_and_high_value_servers_more_so(action: Classification) -> None:
    def priority(name: str) -> float:
        return float(action.profiles.row("SELECT priority FROM classified WHERE email = ?", [f"{name}@x.example"])[0])

    order = [priority(name) for name in ("click", "2_clicks", "3_clicks", "gmail", "gmails")]
    assert order == sorted(set(order))


def test_at_risk_is_a_week_old_without_a_run_or_any_activity(action: Classification) -> None:
    assert in_it(
        action, "at_risk", "idle", "signed_up_week", "signed_up_week_less", "old_run", "queued_run"
    ) == [True, True, False, False, False]  # fmt: skip


@pytest.mark.parametrize("kind", ["tool", "code", "agent", "custom_tool", "last_active", "event"])
def test_any_activity_within_a_week_keeps_somebody_out_of_at_risk(action: Classification, kind: str) -> None:
    assert in_it(action, "at_risk", f"{kind}_now", f"{kind}_week_less", f"{kind}_week") == [False, False, True]


def test_at_risk_says_when_somebody_was_active_last(action: Classification) -> None:
    idle, active = (
        action.profiles.row("SELECT because[1] FROM classified WHERE email = ?", [f"{name}@x.example"])[0]
        for name in ("idle", "last_active_week")
    )
    assert idle == "signed up 60 d ago, never ran a workflow, nothing in the last 7 days"
    assert active == f"{idle}: last active 7 d ago"


def test_in_the_past_at_risk_leaves_out_what_the_app_noted_since(company: Office) -> None:
    with company.classified(as_of=NOW - timedelta(days=20)) as classification:
        assert in_it(classification, "at_risk", "last_active_now", "idle") == [True, True]


def test_accounts_and_persons_with_one_e_mail_are_one_person(action: Classification) -> None:
    facts = action.profiles.row(
        "SELECT accounts, persons, run_count, rage_clicks, credits FROM profile WHERE email = 'twice@x.example'"
    )
    assert facts == (2, 2, 7, 2, 30)  # the credits of the account used last
    assert segments_of(action, "twice") == ["frustrated", "power"]


def test_two_backend_users_of_one_account_do_not_multiply_it(action: Classification) -> None:
    assert action.profiles.row(
        "SELECT accounts, run_count, credits FROM profile WHERE email = 'two_backends@x.example'"
    ) == (1, 6, 80)


def test_somebody_without_an_account_is_judged_by_events_alone(action: Classification) -> None:
    assert segments_of(action, "posthog_only") == ["frustrated"]
    assert in_it(action, "high_intent", "posthog_clicker") == [None]
    assert in_it(action, "at_risk", "posthog_clicker") == [False]  # active


def test_your_own_people_are_nobody(action: Classification) -> None:
    known = action.profiles.connection.execute(
        "SELECT email FROM profile WHERE email LIKE '%datagen%' OR email LIKE '%boss%' ORDER BY 1"
    ).fetchall()
    assert known == [("d@notdatagen.dev",), ("notboss@partner.example",)]


def test_the_match_adds_up(action: Classification) -> None:
    match = action.profiles.match
    assert (match.posthog_only, match.anonymous, match.without_email, match.internal_excluded) == (3, 2, 2, 4)
    assert match.ambiguous == 1
    assert match.matched is not None
    assert match.postgres_only is not None
    assert match.matched + match.posthog_only + match.postgres_only == action.profiles.people


def test_precedence_picks_the_primary_segment(action: Classification) -> None:
    row = action.profiles.row(
        "SELECT \"primary\", action, segments, rank FROM classified WHERE email = '6_failed@x.example'"
    )
    assert row == ("failing", "Support", ["failing", "power"], 0)


def test_most_urgent_first_then_by_precedence(action: Classification) -> None:
    rows = action.people().dicts()
    keys = [
        (-row["priority"], [s.id for s in action.segment_set.segments].index(row["primary"]), row["email"])
        for row in rows
    ]
    assert keys == sorted(keys)
    assert len(rows) == action.profiles.row("SELECT count(*) FROM classified")[0]


def test_only_some_segments(action: Classification) -> None:
    rows = action.people(["failing"]).dicts()
    assert {row["email"] for row in rows} == {"6_failed@x.example", "under_half@x.example"}


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("life_new", "new"),
        ("life_newborn", "new"),
        ("life_7", "champion"),
        ("life_99", "power_user"),
        ("life_100", "champion"),
        ("life_100_8d", "power_user"),
        ("life_30_14d", "power_user"),
        ("life_29_14d", "active"),
        ("life_30_15d", "at_risk"),
        ("life_1_29d", "at_risk"),
        ("life_run_31d", "lapsed"),
        ("life_never", "dormant"),
        ("life_mixed", "power_user"),
        ("life_eventful", "active"),
    ],
)
def test_lifecycle(lifecycle: Classification, name: str, segment: str) -> None:
    assert segments_of(lifecycle, name) == [segment]


@pytest.fixture(scope="module")
def lifecycle(company: Office) -> Iterator[Classification]:
    with company.classified("lifecycle") as classification:
        yield classification


def test_everybody_is_in_one_lifecycle_segment(lifecycle: Classification) -> None:
    assert sum(count.people or 0 for count in lifecycle.counts) == lifecycle.profiles.people


def test_at_an_earlier_moment_the_later_is_not_known(company: Office) -> None:
    with company.classified(as_of=NOW - timedelta(days=8)) as classification:
        assert in_it(classification, "frustrated", "rage_week", "rage_now") == [False, False]
        assert in_it(classification, "power", "6_runs") == [False]
    with company.classified(as_of=NOW + timedelta(days=1)) as classification:
        assert in_it(classification, "frustrated", "rage_tomorrow") == [True]


def test_without_posthog_only_what_postgres_knows_is_known(company: Office) -> None:
    with company.classified("action", "neon") as classification:
        counts = {count.segment.id: count.people for count in classification.counts}
    assert [counts[id_] for id_ in ("frustrated", "high_intent", "at_risk")] == [None, None, None]
    assert counts["power"]
    assert counts["failing"] == 2
    assert classification.profiles.match.matched is None


def test_without_postgres_only_what_posthog_knows_is_known(company: Office) -> None:
    with company.classified("action", "posthog") as classification:
        counts = {count.segment.id: count.people for count in classification.counts}
    assert counts == {"failing": None, "frustrated": 5, "high_intent": None, "at_risk": None, "power": None}


def test_reasons_are_sentences_of_facts(action: Classification, lifecycle: Classification) -> None:
    def reasons(classification: Classification, name: str) -> list[str]:
        return list(
            classification.profiles.row("SELECT because FROM classified WHERE email = ?", [f"{name}@x.example"])[0]
        )

    assert reasons(action, "gmail") == [
        "clicked connect 2× (gMail), still holds all 100 credits; already ran a workflow 1×; signed up 60 d ago"
    ]
    assert reasons(action, "rage_now") == ["1× rage click, 0× exception in 7 days, most on /runs"]
    assert reasons(action, "posthog_only") == ["0× rage click, 1× exception in 7 days"]
    assert reasons(action, "6_failed") == [
        "6 of 6 finished runs ever failed, last 3 d ago",
        "ran 6× ever, last 3 d ago, 80 credits left",
    ]
    assert reasons(action, "unknown_credits_6_runs") == ["ran 6× ever, last 3 d ago"]
    assert reasons(lifecycle, "life_100") == ["actions in 30 days: 100, the last 7 d ago"]


def test_classifying_again_gives_the_same(company: Office, action: Classification) -> None:
    again = classify(action.profiles, action.segment_set)
    assert again.counts == action.counts
