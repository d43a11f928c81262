"""The state of an event: whether it is planned, whether the code sends it, and whether it has arrived.

======== ====== ====== ==============================================
planned  code   data   state
======== ====== ====== ==============================================
yes      yes    yes    working
yes      yes    no     silent: the code sends it, nothing arrives
yes      no     no     missing
yes      no     yes    from elsewhere: sent by code that was not scanned
no       yes    yes    unplanned
no       yes    no     unplanned and silent
no       no     yes    stray: nobody planned it, no code here sends it
======== ====== ====== ==============================================

Where the data was not asked, or the code not scanned, that column is not known, and the state says no more than the
others do.
"""

from enum import Enum


class State(Enum):
    """The state in words. The order is that of lists: what needs work comes first."""

    MISSING = "missing"
    NOT_IN_CODE = "not in code"
    NOT_IN_DATA = "not in data"
    SILENT = "silent"
    ELSEWHERE = "from elsewhere"
    STRAY = "stray"
    UNPLANNED_SILENT = "unplanned and silent"
    UNPLANNED = "unplanned"
    IN_CODE = "in code"
    IN_DATA = "in data"
    WORKING = "working"


_STATES: dict[tuple[bool, bool | None, bool | None], State] = {
    (True, True, True): State.WORKING,
    (True, True, False): State.SILENT,
    (True, False, False): State.MISSING,
    (True, False, True): State.ELSEWHERE,
    (False, True, True): State.UNPLANNED,
    (False, True, False): State.UNPLANNED_SILENT,
    (False, False, True): State.STRAY,
    # one side is not known
    (True, True, None): State.IN_CODE,
    (True, False, None): State.NOT_IN_CODE,
    (False, True, None): State.UNPLANNED,
    (True, None, True): State.IN_DATA,
    (True, None, False): State.NOT_IN_DATA,
    (False, None, True): State.UNPLANNED,
}


def state_of(*, planned: bool, code: bool | None, data: bool | None) -> State:
    """The state by the table above; None stands for what is not known. An event is at least one of the three."""
    return _STATES[planned, code, data]
