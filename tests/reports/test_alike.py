"""Reasons that are alike, by hand."""

from usertrack.reports.alike import Alike, alike


def test_numbers_are_ranges_and_pages_are_listed() -> None:
    reasons = [
        ("a@x.example", "1× rage click, most on /agents"),
        ("b@x.example", "signed up 7 d ago"),
        ("c@x.example", "12× rage click, most on /runs/1"),
        ("d@x.example", "2.5× rage click, most on /runs/1"),
    ]
    assert alike(reasons) == [
        Alike(("a@x.example", "c@x.example", "d@x.example"), "1 to 12× rage click, most on /runs/1, /agents"),
        Alike(("b@x.example",), "signed up 7 d ago"),
    ]


def test_what_an_error_says_is_no_range() -> None:
    reasons = [
        ("a", "3 of 4 failed, “HubSpot 429”"),
        ("b", "5 of 6 failed, “HubSpot 500”"),
        ("c", "rc=137"),
        ("d", "rc=1"),
    ]
    assert [each.why for each in alike(reasons)] == [
        *("3 of 4 failed, “HubSpot 429”", "5 of 6 failed, “HubSpot 500”"),
        *("rc=137", "rc=1"),
    ]


def test_hostile_reasons_stay_as_they_are() -> None:
    for text in ("{0} %s \\1", "a ␀ b", "", "/", "٣ d ago"):
        assert [each.why for each in alike([("a", text), ("b", text)])] == [text]


def test_the_first_few_are_named() -> None:
    assert Alike(tuple("abc"), "").who == "a, b, c"
    assert Alike(tuple("abcd"), "").who == "a, b, c, d"  # a name is as short as "and 1 more"
    assert Alike(tuple("abcde"), "").who == "a, b, c and 2 more"
