"""Background jobs, one at a time. A request for the job that is running already gets that job."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from usertrack.core.json_types import JsonObject
from usertrack.server.database.session import StoreClosed
from usertrack.server.http.api_errors import ApiError

ReportProgress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and the total."""

log = logging.getLogger(__name__)


@dataclass
class Job:
    """``state`` is running, done or failed; ``request`` is what it was started for; ``result`` is set when done."""

    id: int
    request: Any = field(repr=False)
    state: str = "running"
    doing: str = ""
    done: int = 0
    total: int = 0
    result: dict[str, int] = field(default_factory=dict)

    def report_progress(self, doing: str, done: int, total: int) -> None:
        self.doing, self.done, self.total = doing, done, total

    def as_json(self) -> JsonObject:
        names = ("id", "state", "doing", "done", "total", "result")
        return {name: getattr(self, name) for name in names}


class Jobs:
    """The jobs since the server started."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, "job")
        self._turn = threading.Lock()
        self._jobs: list[Job] = []

    def begin(self, request: object, work: Callable[[ReportProgress], dict[str, int]]) -> Job:
        """A new job that does ``work``, or the running one if its ``request`` is equal; else raises ApiError 409."""
        with self._turn:
            job = self._jobs[-1] if self._jobs else None
            if job and job.state == "running":
                if job.request == request:
                    return job
                raise ApiError(409, "conflict", f"the server is busy: {job.doing or 'another job is under way'}")
            job = Job(len(self._jobs) + 1, request)
            self._jobs.append(job)
        self._worker.submit(self._run, job, work)
        return job

    def __getitem__(self, id_: str) -> Job:
        """Raises ApiError for an unknown job, such as one from before a restart."""
        for job in self._jobs:
            if str(job.id) == id_:
                return job
        raise ApiError(404, "not_found", "there is no such job; was the server started anew?")

    def _run(self, job: Job, work: Callable[[ReportProgress], dict[str, int]]) -> None:
        try:
            job.result = work(job.report_progress)
            job.state = "done"
        except StoreClosed:
            job.state = "failed"
        except Exception:
            job.state = "failed"
            log.exception("a job failed")
