"""Of random rules over partly unknown facts, `explain` says what `segments` says, and its marks add up to that."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from tests.memberships import RULES, Person, classified
from usertrack.segments.classify import condition
from usertrack.segments.explain import Verdict, explain

PEOPLE: dict[str, Person] = {
    "none@x.example": (0, 0, 10.0, None),
    "some@x.example": (3, 3, None, 3.0),
    "many@x.example": (20, 5, 100.0, 0.0),
    "null@x.example": (None, None, None, None),
}
conditions = st.sampled_from(
    [
        *("runs > 5", "runs = 0", "NOT runs >= 3", "failed IS NULL", "success_rate < 0.5", "1 - success_rate > 0.5"),
        *("credits < 50", "credits IS NULL", "NOT credits = 100", "coalesce(credits, runs) > 2", "runs + credits > 10"),
        *("greatest(runs, credits) > 4", "last_run_at <= as_of - INTERVAL 2 DAY", "credits BETWEEN 1 AND 50"),
    ]
)
rules = st.recursive(
    conditions,
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda of: f"({' '.join(of)})"),
    max_leaves=4,
)


def marked(verdict: Verdict, node: exp.Expression) -> bool | None:
    """What the marks of the comparisons make of a rule, by Kleene."""
    marks = iter(looked.met for looked in verdict.comparisons)

    def of(node: exp.Expression) -> bool | None:
        node = node.unnest()
        if not isinstance(node, exp.And | exp.Or):
            return next(marks)
        decisive, sides = isinstance(node, exp.Or), (of(node.left), of(node.right))
        return decisive if decisive in sides else None if None in sides else not decisive

    return of(node)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(rules, min_size=1, max_size=3), st.booleans(), st.booleans())
@example(whens=["failed IS NULL", "runs > 5"], exclusive=True, without_credits=False)  # the second is NULL, and out
def test_explain_never_contradicts_segments_or_itself(whens: list[str], exclusive: bool, without_credits: bool) -> None:  # noqa: FBT001
    lines = "".join(f'      s{number}: {{name: S{number}, when: "{when}"}}\n' for number, when in enumerate(whens))
    text = (
        RULES.partition("sets:")[0]
        + f"sets:\n  action:\n    exclusive: {str(exclusive).lower()}\n    segments:\n{lines}"
    )
    classification = classified(0, PEOPLE, rules=text, without_credits=without_credits)
    profiles = classification.profiles
    for email in PEOPLE:
        for verdict in explain(profiles, classification.segment_set, email, flips=False).verdicts:
            id_ = verdict.segment.id
            flags = profiles.row(f'SELECT "in {id_}", "open {id_}" FROM flagged WHERE email = ?', [email])
            assert (verdict.member, bool(verdict.unknown)) == flags, (text, email)
            assert marked(verdict, condition(profiles, verdict.segment)) is verdict.met, (text, email)
