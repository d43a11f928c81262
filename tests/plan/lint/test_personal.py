"""Personal data in sampled values."""

import pytest

from usertrack.plan.lint.personal import personal_values


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("ada@example.com", "email"),
        ("mail to Ada <ada@example.com>", "email"),
        ("+49 30 901820", "phone"),
        ("(212) 555-2368", "phone"),
        ("030 901820", "phone"),
        ("192.168.0.7", "ip"),
        ("2001:db8::1", "ip"),
        ("https://acme.example/settings", "url"),
        ("8c7d2e9a-1f7b-4f43-9d1e-0a5b6c7d8e9f", "identifier"),
        ("DE89 3704 0044 0532 0130 00", "identifier"),
        ("4111 1111 1111 1111", "identifier"),
    ],
)
def test_a_value_tells_its_class(value: str, kind: str) -> None:
    assert personal_values("x", [value]) == {kind: 1}


@pytest.mark.parametrize(
    "value",
    [
        *("trial", "2026-11-20", "20.11.2026", "10.15.7", "1234567890", "2 000", "12:30", "$pageview", "Northwind Ltd"),
        *("4111 1111 1111 1112", "x@y", "", 7, None, True, "v2.4.1-rc.1", "2026-11-20 09:00:00", "100 - 200", "99.5 %"),
    ],
)
def test_other_values_are_not_personal(value: object) -> None:
    assert personal_values("x", [value]) == {}


def test_names_of_people_need_company() -> None:
    people = ["Ada Lovelace", "Alan Turing", "Grace Hopper", "Emmy Noether", "Karen Sparck-Jones"]
    assert personal_values("x", people) == {"name": 5}
    assert personal_values("x", people[:2]) == {}
    assert personal_values("full_name", people[:2]) == {"name": 2}
