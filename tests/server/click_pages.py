"""Reads the pages on which people click, and does what people do there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class ClickPage:
    name: str
    html: str
    act: list[str]
    rage: bool | None
    dead: bool | None


PAGES = [ClickPage(**page) for page in yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())]


def acting(tab: Any, page: ClickPage) -> Iterator[int]:
    """Does what people do there; after each click, the ms until the next."""
    for step in page.act:
        verb, *words = step.split()
        if verb == "click":
            yield from _clicks(tab, *words)
        else:
            _VERBS[verb](tab, *words)


def _clicks(tab: Any, element: str, times: str = "1", every: str = "150", from_right: str = "") -> Iterator[int]:
    box = tab.locator(element.replace("/", " ")).bounding_box()
    x = box["x"] + (box["width"] - int(from_right) if from_right else box["width"] / 2)
    for _ in range(int(times)):
        tab.mouse.click(x, box["y"] + box["height"] / 2)
        yield int(every)


def _multiple(tab: Any, element: str, count: str) -> None:
    tab.click(element, click_count=int(count), delay=20)


def _drag(tab: Any, element: str) -> None:
    box = tab.locator(element).bounding_box()
    y = box["y"] + box["height"] / 2
    tab.mouse.move(box["x"] + 5, y)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] - 5, y, steps=5)
    tab.mouse.up()


_VERBS: Mapping[str, Callable[..., None]] = {
    "multiple": _multiple,
    "drag": _drag,
    "type": lambda tab, element, text: (tab.click(element), tab.keyboard.type(text))[1],
    "hover": lambda tab, element: tab.hover(element),
    "key": lambda tab, keys: tab.keyboard.press(keys),
    "at": lambda tab, x, y: tab.mouse.click(int(x), int(y)),
}
