"""The finding of a check about one thing that it looked at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """``level`` is ok, note or FAIL; only FAIL makes a check fail. A ``group`` that is in order has one row.

    ``implied``: people see only how many there are of the group, since another finding names the cause. ``lacking`` is
    how many segments or metrics it says cannot be evaluated here.
    """

    level: str
    subject: str
    detail: str = ""
    hint: str = ""
    group: str = ""
    implied: bool = False
    lacking: int = 0
