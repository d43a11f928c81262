"""Reasons that are alike, by hand."""

from usertrack.reports.alike import Alike, alike, names_of


def test_ages_are_a_range() -> None:
    reasons = [("a", "signed up 95 d ago, never ran"), ("b", "left 7 d ago"), ("c", "signed up 7 d ago, never ran")]
    assert alike(reasons) == [Alike(("a", "c"), "signed up 7 to 95 d ago, never ran"), Alike(("b",), "left 7 d ago")]


def test_nobody_is_left_out_for_one_more() -> None:
    assert names_of(("a", "b", "c"), 2) == "a, b, c"
    assert names_of(("a", "b", "c", "d"), 2) == "a, b and 2 more"


def test_counts_pages_and_dates_are_each_ones_own() -> None:
    reasons = ["1× rage click", "12× rage click", "most on /a", "most on /b", "ran 1 200 times", "ran 2 050 times"]
    reasons += ["since 3 Nov 2025", "since 12 Nov 2026", "success rate 20 → 40 %", "success rate 20 → 30 %"]
    assert [each.why for each in alike([(reason, reason) for reason in reasons])] == reasons


def test_what_an_error_says_is_no_range() -> None:
    reasons = [
        ("a", "3 of 4 failed, “HubSpot 429”"),
        ("b", "5 of 6 failed, “HubSpot 500”"),
        ("c", "“gone 3 d ago”"),
        ("d", "“gone 4 d ago”"),
    ]
    assert [each.why for each in alike(reasons)] == [
        *("3 of 4 failed, “HubSpot 429”", "5 of 6 failed, “HubSpot 500”"),
        *("“gone 3 d ago”", "“gone 4 d ago”"),
    ]


def test_hostile_reasons_stay_as_they_are() -> None:
    for text in ("{0} %s \\1", "a ␀ b", "", "/", "٣ d ago"):
        assert [each.why for each in alike([("a", text), ("b", text)])] == [text]


def test_the_first_few_are_named() -> None:
    assert Alike(tuple("abc"), "").who == "a, b, c"
    assert Alike(tuple("abcd"), "").who == "a, b, c, d"  # a name is as short as "and 1 more"
    assert Alike(tuple("abcde"), "").who == "a, b, c and 2 more"
