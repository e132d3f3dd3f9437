"""What `/metrics` says of jobs; made with the first job that a service works at."""

from __future__ import annotations

from typing import Any

from prometheus_client import Gauge

from modelwright.serve.counters import Labelled
from modelwright.serve.feedback.counters import counter


class JobCounters:
    """Counts the jobs of a service's release: rows that were answered, jobs that ended, and those that are open."""

    def __init__(self, service: Any) -> None:
        self._rows = counter(service, "modelwright_job_rows", "Rows of jobs that were answered").labels()
        self._ended = counter(service, "modelwright_jobs_ended", "Jobs that ended, by how", "state")
        made = service.counted.all.__dict__.setdefault("_jobs", {})
        if not made:
            first = ["release"] if service.counted.release else []
            text = "Jobs that wait or are worked at"
            # all workers of a service count the same jobs
            made["open"] = Gauge(
                "modelwright_jobs_open", text, first, registry=service.counted.all.registry, multiprocess_mode="max"
            )
        self._open = Labelled(made["open"], *service.counted.release).labels()
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
