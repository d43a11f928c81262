"""The errors of HogQL, with PostHog's messages, which are safe to show."""

import difflib
from collections.abc import Iterable


class HogQLError(Exception):
    """The query itself is wrong (HTTP 400). ``code`` is PostHog's: hogql_query_error or hogql_syntax_error."""

    code = "hogql_query_error"


class HogQLSyntaxError(HogQLError):
    code = "hogql_syntax_error"


def suggestion(wrong: str, known: Iterable[str], template: str = " Did you mean: {}?") -> str:
    """``template`` filled with the name nearest to ``wrong``, or '' when nothing is near."""
    matches = difflib.get_close_matches(wrong, list(known), n=1)
    return template.format(matches[0]) if matches else ""
