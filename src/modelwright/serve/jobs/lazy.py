"""Jobs of a service, opened late: a service to which nobody sends one needs no database and no thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.serve.jobs import files

if TYPE_CHECKING:
    from modelwright.serve.jobs.runner import Runner


class Jobs:
    """The jobs of a service, and what works at them."""

    def __init__(self, service: Any) -> None:
        self._service = service
        self.folder: Path = service.home.folder / "jobs"
        self._runner: Runner | None = None
        self._lock = threading.Lock()
        self._over = False

    @property
    def any(self) -> bool:
        """Whether there ever was a job."""
        return self.folder.is_dir()

    @property
    def runner(self) -> Runner:
        """What works at jobs; started when first asked for. Raises MissingExtra without the database's library."""
        with self._lock:
            if self._runner is None:
                from modelwright.serve.jobs.runner import Runner

                self._runner = Runner(self._service, read_in_parts)
            return self._runner

    def start(self) -> None:
        """Go on with jobs that were left."""
        if self.any:
            self.runner.wake()

    def add(self, key: Any, form: str, size: int, scores: bool, id_: str) -> None:
        """Keep a job whose file is there. Raises RegistryAway, Refused."""
        runner = self.runner
        runner.store.add(key.name, form, size, tenant=key.tenant, scores=scores, id_=id_)
        runner.wake()

    def remove(self, id_: str) -> None:
        """Forget a job; who works at it sees that and stops."""
        self.runner.store.remove(id_)
        files.remove(self.folder / id_)

    def stop(self) -> None:
        """End the work after the rows that are under way."""
        with self._lock:
            if self._runner is not None:
                self._runner.stop()


def read_in_parts(path: Path, rows: int, predictor: Any = None) -> Iterator[Any]:
    """Yield (table of up to so many rows, why rows by their place in the table could not be read).

    With a `predictor` the file is read as its training data was, and from the first table on it reads numbers and dates as the
    file spells them. Raises DataError for what cannot be read.
    """
    from modelwright.core.reading import Detected, Reading
    from modelwright.data import sources
    from modelwright.release.spelling import is_open, looked_ahead, spelt_as

    def settle(some: Any) -> None:
        predictor.read_as(spelt_as(predictor.schema, predictor.with_fields(some), None, detected)[0])

    def unsettled(some: Any) -> bool:
        return is_open(predictor.schema, predictor.with_fields(some), None)

    misfits: list[Any] = []
    detected = Detected()
    at = told = 0
    reading = Reading() if predictor is None else predictor.reading_of({})
    parts: Iterator[Any] = sources.batches(str(path), reading=reading, rows=rows, misfits=misfits, detected=detected)
    for table in parts if predictor is None else looked_ahead(parts, unsettled, settle):
        yield table, {m.row - at - 1: m.words for m in misfits[told:] if at < m.row <= at + len(table)}
        at += len(table)
        told += sum(m.row <= at for m in misfits[told:])  # what is read ahead is told with its own rows
