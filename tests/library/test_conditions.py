"""Conditions that users type: what is one stands in brackets in the query, and nothing else gets there."""

import pytest

from usertrack.core.errors import UsageError
from usertrack.library.sql import condition_of


@pytest.mark.parametrize(
    "text",
    [
        "properties.$os = 'Linux'",
        "event IN ('a', 'b') OR (properties.plan = 'pro' AND NOT properties['x y'] > 3)",
        "properties.name = 'SELECT 1; -- {people} )'",
        "properties.\"from\" = 'x'",
        "person.properties.email ILIKE '%@acme.example'",
        "(event, 1) IN ((lower('A'), 2), ('b', 3)) AND CAST(properties.order AS Int) > 1",
        r"event LIKE 'mcp\\_%' OR properties.name = 'it\'s' OR match(event, '\\d\n')",
    ],
)
def test_what_is_one(text: str) -> None:
    assert condition_of(text, "posthog") == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1) UNION ALL (SELECT 1", "')' has no pair"),
        ("1) OR (1", "')' has no pair"),
        ("(1", "'(' has no pair"),
        ("[1)", "')' has no pair"),
        ("person_id IN (SELECT id FROM persons)", "it holds SELECT"),
        ("person_id in (select id from persons)", "it holds SELECT"),
        ("1; DROP TABLE events", "it holds ';'"),
        ("1 -- and no more", "it holds a comment"),
        ("1 /* and no more */", "it holds a comment"),
        ("1 // and no more", "it holds a comment"),
        ("email IN {people}", "it holds '{'"),
        ("1 LIMIT 5", "it holds LIMIT"),
        ("f'{(SELECT 1)}' = ''", "it holds a template"),
        ("true AS x", "it holds AS"),
        ("a, b", "it holds ','"),
        ("event = 'a' order  by 1", "it holds ORDER BY"),
        ("event = 'a' GROUP BY 1", "it holds GROUP BY"),
        (r"event LIKE 'mcp\_%'", r"no \_"),
        (r"match(event, '\\\d')", r"no \d"),
        ("", "empty"),
        ("'", "never ends"),
    ],
)
def test_what_is_none(text: str, why: str) -> None:
    with pytest.raises(UsageError) as wrong:
        condition_of(text, "posthog")
    assert why in wrong.value.message


@pytest.mark.parametrize("opening", ["$$($$", "$a$($a$", "E'('", "N'('", "U&'('"])
def test_a_bracket_in_a_text_of_postgres_is_text(opening: str) -> None:
    closing = opening.replace("(", ")")
    with pytest.raises(UsageError, match=r"'\)' has no pair"):
        condition_of(f"a = {opening}) OR true OR (b = {closing}", "neon")
    assert condition_of(text := f"a = {opening} OR b = 1", "neon") == text
