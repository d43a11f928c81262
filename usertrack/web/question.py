"""Questions in addresses of /activity: whom and which time, split by what, and the funnel. Any of it may be wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Self
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from usertrack.core.errors import UsageError, UsertrackError
from usertrack.library.library import Library
from usertrack.product.funnel.numbers import named_funnels
from usertrack.reports.filters import Filters
from usertrack.web.site import Site
from usertrack.workspace.files import funnel_paths


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
        texts = {field_.name: params.get(field_.name, "").strip() for field_ in fields(cls) if field_.name != "step"}
        return cls(**texts, step=tuple(text for step in params.getlist("step") if (text := step.strip())))

    @property
    def filters(self) -> Filters:
        """Return the question as options of a command. A first day goes before a count of days. Raises UsageError."""
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
        """All that the address says of the funnel."""
        texts = [("funnel", self.funnel), ("window", self.window), *(("step", step) for step in self.step)]
        return [(name, text) for name, text in texts if text]

    @property
    def of_scope(self) -> list[tuple[str, str]]:
        """All that it says of the time and the people."""
        names = [field_.name for field_ in fields(self) if field_.name not in ("funnel", "window", "step")]
        return [(name, text) for name in names if (text := getattr(self, name))]

    def address(self, path: str, more: Mapping[str, object] | None = None) -> str:
        """The question at ``path``, and ``more`` beside it."""
        query = urlencode([*self.of_scope, *self.of_funnel, *(more or {}).items()])
        return f"{path}?{query}" if query else path


_MOST_DAYS = 3660  # ten years: a typing error asks for more


@dataclass(frozen=True)
class Offer:
    """``segments`` are, by set, the names by what an address calls them; ``funnels`` the titles by name."""

    segments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    funnels: Mapping[str, str] = field(default_factory=dict)


class Choices:
    """Read again when a file of the workspace changes. Where one is broken, its part is not offered.

    What rests on something that is absent here is not offered either, which may take a question to Postgres.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._read: tuple[Library, Offer] | None = None

    @property
    def now(self) -> Offer:
        library = self._site.answers.library
        if self._read is None or self._read[0] is not library:
            self._read = library, Offer(self._segments(), self._funnels())
        return self._read[1]

    def _segments(self) -> dict[str, dict[str, str]]:
        try:
            sets = self._site.answers.ask(("rules", ""), lambda analysis: analysis.rules()).value.sets
        except UsertrackError:
            return {}
        ids = [segment.id for segment_set in sets.values() for segment in segment_set.segments]
        return {
            name: {
                segment.id if ids.count(segment.id) == 1 else f"{name}/{segment.id}": segment.name
                for segment in segment_set.segments
            }
            for name, segment_set in sets.items()
        }

    def _funnels(self) -> dict[str, str]:
        try:
            return {name: funnel.title for name, funnel in named_funnels(funnel_paths(self._site.settings)).items()}
        except UsertrackError:
            return {}
