"""Privacy jobs of the embedded server, which PostHog's API does not have. They may take long, and are waited for."""

import time

from usertrack.core.errors import QueryError
from usertrack.core.json_types import JsonObject
from usertrack.core.notify import Notify
from usertrack.core.words import number
from usertrack.engine.runner import Runner

_SOON, _LATER = 0.02, 0.5  # seconds between two looks at a job


def run_job(runner: Runner, action: str, body: JsonObject, notify: Notify) -> dict[str, int]:
    """Run a job on the server and return its result; waits for a job of the same kind first. Raises QueryError."""
    job, pause = runner.call("POST", f"usertrack/{action}/", body), _SOON
    while job["state"] == "running":
        progress = f": {number(job['done'])} of {number(job['total'])}" if job["total"] else ""
        notify(f"{job['doing'] or 'beginning'}{progress}", passing=True)
        time.sleep(pause)
        pause = min(pause * 2, _LATER)
        job = runner.call("GET", f"usertrack/jobs/{job['id']}/")
    if job["state"] != "done":
        raise QueryError(f"the server failed while {job['doing']}", "its log says why; run this again, it continues")
    return dict(job["result"])


def can_forget(runner: Runner) -> bool:
    """Whether PostHog is an embedded server that can search all its files for an e-mail, and delete it."""
    return bool(runner.call("GET", "").get("usertrack_forget"))
