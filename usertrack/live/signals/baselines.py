"""Learns from events what is usual on a route or for a person."""

from collections.abc import Container

from usertrack.live.signals.durations import Histogram

_OWN = "own "  # begins the names of what is usual for one person, which end with the person


def own_name(name: str, person: str) -> str:
    """The name of what is usual for ``person``; ``name`` is that of a condition: pattern, digest and place."""
    return f"{_OWN}{name} {person}"


def person_of(name: str) -> str:
    """The person in an `own_name`; "" for what is usual for everybody."""
    return name.split(" ", 4)[-1] if name.startswith(_OWN) else ""


class Baselines:
    """Histograms of usual values by name, such as the visible seconds on a route."""

    def __init__(self) -> None:
        self.histograms: dict[str, Histogram] = {}
        self._of_routes: dict[str, Histogram] = {}
        self.gone: set[str] = set()  # names, since they were saved

    def add(self, name: str, value: float) -> None:
        self.of(name).add(value)

    def of(self, name: str) -> Histogram:
        histogram = self.histograms.get(name)
        if histogram is None:
            histogram = self.histograms[name] = Histogram()
        return histogram

    def forget_others(self, people: Container[str]) -> None:
        """Forget what is usual for whoever is not one of ``people``."""
        others = [name for name in self.histograms if (person := person_of(name)) and person not in people]
        for name in others:
            del self.histograms[name]
        self.gone.update(others)

    def of_route(self, route: str) -> Histogram:
        """Return the histogram of the visible seconds of visits."""
        histogram = self._of_routes.get(route)
        if histogram is None:
            histogram = self._of_routes[route] = self.of(f"route {route}")
        return histogram
