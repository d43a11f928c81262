"""What an address of /activity asks: whom and which time, split by what, and the funnel. Any of it may be wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Self
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from usertrack.core.errors import UsageError
from usertrack.reports.filters import Filters


@dataclass(frozen=True)
class Question:
    """Texts as they stand in the address, without the blanks around them; empty for what it does not have.

    ``funnel`` is the name of one; its own ``step``s go before it.
    """

    days: str = ""
    since: str = ""
    until: str = ""
    interval: str = ""
    segment: str = ""
    people: str = ""
    where: str = ""
    breakdown: str = ""
    funnel: str = ""
    window: str = ""
    step: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, params: QueryParams) -> Self:
        texts = {each.name: params.get(each.name, "").strip() for each in fields(cls) if each.name != "step"}
        return cls(**texts, step=tuple(text for step in params.getlist("step") if (text := step.strip())))

    @property
    def filters(self) -> Filters:
        """The same as options of a command; a first day goes before a count of days. Raises UsageError."""
        return Filters(
            since=self.since or None,
            until=self.until or None,
            days=None if self.since else self._days,
            interval=self.interval or None,
            segment=self.segment or None,
            people=self.people or None,
            where=self.where or None,
            breakdown=self.breakdown or None,
        )

    @property
    def _days(self) -> int | None:
        if not self.days:
            return None
        if not self.days.isdecimal() or len(self.days) > 9 or not 1 <= int(self.days) <= _MOST_DAYS:
            raise UsageError(f"'{self.days}' is not 1 to {_MOST_DAYS} days", "write `days=30`")
        return int(self.days)

    @property
    def of_funnel(self) -> list[tuple[str, str]]:
        """What the address says of the funnel."""
        texts = [("funnel", self.funnel), ("window", self.window), *(("step", step) for step in self.step)]
        return [(name, text) for name, text in texts if text]

    @property
    def of_scope(self) -> list[tuple[str, str]]:
        """What it says of the time and the people."""
        names = [each.name for each in fields(self) if each.name not in ("funnel", "window", "step")]
        return [(name, text) for name in names if (text := getattr(self, name))]

    def address(self, path: str, more: Mapping[str, object] | None = None) -> str:
        """The question at ``path``, and ``more`` beside it."""
        asked = urlencode([*self.of_scope, *self.of_funnel, *(more or {}).items()])
        return f"{path}?{asked}" if asked else path


_MOST_DAYS = 3660
