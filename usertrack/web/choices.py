"""What a form on the pages can offer: the segments and funnels of the workspace."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from usertrack.core.errors import UsertrackError
from usertrack.library.library import Library
from usertrack.product.funnel.numbers import named_funnels
from usertrack.segments.rules import read_rules
from usertrack.web.site import Site
from usertrack.workspace.files import funnel_paths, rules_path


@dataclass(frozen=True)
class Offer:
    """``segments`` are, by set, the names by what an address calls them; ``funnels`` the titles by name."""

    segments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    funnels: Mapping[str, str] = field(default_factory=dict)


class Choices:
    """Read again when a file of the workspace changes. Where one is broken, its part is not offered."""

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
            sets = read_rules(rules_path(self._site.settings)).judging("").sets
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
