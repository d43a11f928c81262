"""What a place holds on a person."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Holding:
    """How many things of one kind a place holds; None when that is not known, and ``note`` says why.

    ``ours`` is False for what usertrack never changes, ``stays`` True for data of other people, which `erase` leaves.
    """

    place: str
    content: str
    count: int | None
    note: str = ""
    ours: bool = True
    stays: bool = False
