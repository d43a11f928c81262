"""The warning of a report that lacks answers."""

from usertrack.core.document import Document
from usertrack.core.errors import QueryError
from usertrack.core.sections import with_unanswered


def test_the_one_remedy_for_all_that_lacks_is_named() -> None:
    lacking = {name: QueryError(f"no table {name}", "`usertrack init --from-database` proposes yours") for name in "ab"}
    assert with_unanswered(Document("Week"), lacking)[1].endswith("; `usertrack init --from-database` proposes yours")
    lacking["c"] = QueryError("too slow", "ask for less")
    assert with_unanswered(Document("Week"), lacking)[1].endswith("What rests on it is unknown")
