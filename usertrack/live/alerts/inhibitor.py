"""Which alerts are not told because another one says more: inhibition, as in Alertmanager."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.matchers import all_match
from usertrack.live.alerts.notifications import Inhibition

_Sources = defaultdict[tuple[str, ...], dict[str, bool]]


class Inhibitor:
    """Remembers the sources that fire, for each rule by the labels that have to be equal.

    An alert that is source and target of a rule is not muted by one that is both too: else two would mute each other.
    """

    def __init__(self, rules: Sequence[Inhibition]) -> None:
        self._rules: list[tuple[Inhibition, _Sources]] = [(rule, defaultdict(dict)) for rule in rules]

    def update(self, alert: Alert) -> None:
        for rule, sources in self._rules:
            if all_match(rule.source, alert.labels):
                equal = _equal(rule, alert.labels)
                sources[equal].pop(alert.key, None)
                if alert.is_firing:
                    sources[equal][alert.key] = all_match(rule.target, alert.labels)
                elif not sources[equal]:
                    del sources[equal]

    def mutes(self, alert: Alert) -> bool:
        return any(_mutes(rule, sources, alert.labels) for rule, sources in self._rules)


def _mutes(rule: Inhibition, sources: _Sources, labels: Mapping[str, str]) -> bool:
    firing = sources.get(_equal(rule, labels))
    if not firing or not all_match(rule.target, labels):
        return False
    return not (all_match(rule.source, labels) and all(firing.values()))


def _equal(rule: Inhibition, labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in rule.equal)
