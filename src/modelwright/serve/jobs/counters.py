"""What `/metrics` says of jobs; made with the first job that a service works at."""

from __future__ import annotations

from functools import partial
from typing import Any

from prometheus_client import Counter, Gauge


class JobCounters:
    """Counts the jobs of a service's release: rows that were answered, jobs that ended, and those that are open."""

    def __init__(self, service: Any) -> None:
        self._rows = service.counted.also(Counter, "modelwright_job_rows", "Rows of jobs that were answered").labels()
        self._ended = service.counted.also(Counter, "modelwright_jobs_ended", "Jobs that ended, by how", "state")
        # all workers of a service count the same jobs
        of_all = partial(Gauge, multiprocess_mode="max")
        self._open = service.counted.also(of_all, "modelwright_jobs_open", "Jobs that wait or are worked at").labels()
        for state in ("done", "failed"):
            self._ended.labels(state).inc(0)  # so that all of them are there from the beginning

    def answered(self, rows: int) -> None:
        """Count rows whose answers are on the disk."""
        self._rows.inc(rows)

    def ended(self, state: str) -> None:
        """Count a job that is `done` or `failed`."""
        self._ended.labels(state).inc()

    def open(self, jobs: int) -> None:
        """Tell how many jobs are open by now."""
        self._open.set(jobs)
