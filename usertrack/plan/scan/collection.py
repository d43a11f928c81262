"""The sites and unresolved calls that a scan comes upon, each place once."""

from collections.abc import Sequence
from functools import reduce

from usertrack.plan.scan.event_names import EventName
from usertrack.plan.scan.properties import Keys
from usertrack.plan.scan.site import CallSite, SentProperty, Unresolved


class Collection:
    def __init__(self) -> None:
        self._sites: dict[tuple[str, int, str], dict[int, CallSite]] = {}
        """By file, line of the name and name; then by the line of the call, of which a constant may have several."""
        self._unresolved: dict[tuple[str, int], Unresolved] = {}

    @property
    def sites(self) -> list[CallSite]:
        sites = [reduce(_either, by_call.values()) for by_call in self._sites.values()]
        return sorted(sites, key=lambda site: (site.file, site.line, site.event or site.pattern or ""))

    @property
    def unresolved(self) -> list[Unresolved]:
        """Without the places of which a name is known after all."""
        placed = {(file, line) for file, line, _ in self._sites}
        left = [place for key, place in self._unresolved.items() if key not in placed]
        return sorted(left, key=lambda place: (place.file, place.line))

    def add(
        self, name: EventName, properties: Keys, file: str, call_line: int, sink: str, chain: Sequence[str]
    ) -> None:
        """A name that is sent in ``file``; ``call_line`` is where, if its text is written in another file."""
        line = name.line if name.file == file and name.line else call_line
        text, pattern = name.text, name.pattern
        if text == "" or (text is None and name.guess):
            return
        if text is None and pattern is None:
            self.add_unresolved(file, line, chain[0] if chain and chain[0] else sink, name.reason)
            return
        keys: dict[str, bool] = {}
        for key in properties:
            if isinstance(key.name, str):
                keys[key.name] = keys.get(key.name, False) or key.always
        sent = tuple(SentProperty(name, always) for name, always in keys.items())
        site = CallSite(text, None if text is not None else pattern, file, line, sink, tuple(chain), sent)
        by_call = self._sites.setdefault((file, line, text or pattern or ""), {})
        before = by_call.get(call_line)
        # One call that sends to two SDKs, or by two ways: what either always carries is always there.
        by_call[call_line] = site if before is None else _merged(before, site, _always(before) | _always(site))

    def add_unresolved(self, file: str, line: int, sink: str, reason: str, instead: str = "") -> None:
        self._unresolved.setdefault((file, line), Unresolved(file, line, sink, reason, instead))


def _either(site: CallSite, other: CallSite) -> CallSite:
    """Two calls that send one name: what one of them lacks is not always there."""
    return _merged(site, other, _always(site) & _always(other))


def _always(site: CallSite) -> set[str]:
    return {prop.name for prop in site.properties if prop.always}


def _merged(site: CallSite, other: CallSite, always: set[str]) -> CallSite:
    """PostHog's first, with the keys of both."""
    first, second = (
        (other, site) if other.sink.startswith("posthog") > site.sink.startswith("posthog") else (site, other)
    )
    names = dict.fromkeys(prop.name for prop in (*first.properties, *second.properties))
    sent = tuple(SentProperty(name, name in always) for name in names)
    return CallSite(first.event, first.pattern, first.file, first.line, first.sink, first.chain, sent)
