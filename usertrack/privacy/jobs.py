"""What the embedded server does for privacy beyond PostHog's API, waited for however long it takes."""

import time
from collections.abc import Mapping
from typing import Any

from usertrack.core.errors import QueryError
from usertrack.core.notify import Notify
from usertrack.core.words import number
from usertrack.engine.runner import Runner

_SOON, _LATER = 0.02, 0.5  # seconds between two looks at a job


def result(runner: Runner, action: str, body: Mapping[str, Any], notify: Notify) -> dict[str, int]:
    """What the server gives for a piece of work; one like it that is under way is waited for. Raises QueryError."""
    job, pause = runner.call("POST", f"usertrack/{action}/", body), _SOON
    while job["state"] == "running":
        far = f": {number(job['done'])} of {number(job['total'])}" if job["total"] else ""
        notify(f"{job['doing'] or 'beginning'}{far}", passing=True)
        time.sleep(pause)
        pause = min(pause * 2, _LATER)
        job = runner.call("GET", f"usertrack/jobs/{job['id']}/")
    if job["state"] != "done":
        raise QueryError(f"the server failed while {job['doing']}", "its log says why; run this again, and it goes on")
    return dict(job["result"])


def forgets(runner: Runner) -> bool:
    """Whether PostHog is an embedded server, and one that finds an e-mail in all that it keeps, and ends it."""
    return bool(runner.call("GET", "").get("usertrack_forget"))
