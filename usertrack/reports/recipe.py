"""The recipe of a report: all options and moments that its figures depend on, stored in its file to make it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from usertrack import __version__
from usertrack.core.errors import UsageError
from usertrack.core.period import known_zone


@dataclass(frozen=True)
class Recipe:
    """``subject`` is the week, the e-mail or the segment; ``sources`` names the sources, without a secret.

    ``as_of`` is the moment of the report, ``made_at`` the moment at which the sources were asked (UTC). ``since`` to
    ``where`` and ``people`` are of a report on activity: the window in ISO 8601, and options as typed. ``all_members``
    is of a report on a segment. ``metrics`` and ``sections`` are of a weekly one: those listed, one a line; ``full``
    is whether it is the long one.
    """

    kind: str
    subject: str
    as_of: datetime
    made_at: datetime
    timezone: str
    sources: str
    set_name: str = "action"
    limit: int | None = None
    version: str = __version__
    since: str | None = None
    until: str | None = None
    week_start: str | None = None
    segment: str | None = None
    where: str | None = None
    all_members: bool = False
    people: str | None = None
    metrics: str | None = None
    sections: str | None = None
    full: bool = False


KINDS = ("weekly", "user", "segment", "activity")

_LATER_FIELDS = {  # with defaults, for files that were written before these fields existed
    **dict.fromkeys(("since", "until", "week_start", "segment", "where", "people", "metrics", "sections")),
    "all_members": False,
    "full": True,  # there was no short one
}
_FIRST_FIELDS = [name for name in Recipe.__dataclass_fields__ if name not in _LATER_FIELDS]


def read_recipe(stored: Any) -> Recipe:  # noqa: ANN401
    """The recipe from a file, with every field checked; raises UsageError."""
    if not isinstance(stored, Mapping) or not set(_FIRST_FIELDS) <= set(stored) <= set(Recipe.__dataclass_fields__):
        raise _damaged("it does not say how the report was made")
    values = {**_LATER_FIELDS, **stored}
    for name, field in Recipe.__dataclass_fields__.items():
        if name in ("as_of", "made_at"):
            value = values[name]
            try:
                moment = datetime.fromisoformat(value)
                moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
            except (TypeError, ValueError, OverflowError) as error:
                raise _damaged(f"{value!r} is not a time") from error
            if not 2000 <= moment.year < 2200:  # weeks and timezones beside it must be times too
                raise _damaged(f"no report is of the year {moment.year}")
            values[name] = moment
        kinds = get_args(field.type) or (field.type,)
        if not isinstance(values[name], kinds) or (isinstance(values[name], bool) and bool not in kinds):
            raise _damaged(f"'{name}' is no {getattr(kinds[0], '__name__', 'value')}")
    if values["kind"] not in KINDS:
        raise UsageError(f"this usertrack knows no reports of the kind '{values['kind']}'", "upgrade it and try again")
    if values["limit"] is not None and values["limit"] < 0:
        raise _damaged(f"its limit is {values['limit']}")
    if known_zone(values["timezone"]) != values["timezone"]:
        raise _damaged(f"'{values['timezone']}' is not a timezone")
    return Recipe(**values)


def _damaged(problem: str) -> UsageError:
    return UsageError(f"the report's provenance is damaged: {problem}", "make the report again: `usertrack report`")
