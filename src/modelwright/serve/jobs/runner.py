"""The thread that answers jobs: one at a time, beside live requests and after them, from where the last process stopped."""

from __future__ import annotations

import contextlib
import copy
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelwright.core.errors import ModelwrightError, RegistryAway, reason
from modelwright.core.words import Words
from modelwright.data.series import gathered
from modelwright.release.needs import some_column
from modelwright.serve._columns import with_doubts
from modelwright.serve._values import bad_json
from modelwright.serve.jobs import files
from modelwright.serve.jobs.counters import JobCounters
from modelwright.serve.jobs.store import Store, new_id
from modelwright.serve.limits import Refused

CHUNK = 500  # rows that are answered, charged and written together
LOOK = 1.0  # seconds between two looks for work
_CLEAN = 60.0  # seconds between two removals of what is over
_FULL = 5.0  # seconds after which a full disk is tried again
_FILE = Words("The file", "该文件")
log = logging.getLogger("modelwright")


class Runner:
    """Answers the jobs of a service. `read` yields a file's tables for a predictor, and why rows of each could not be read."""

    def __init__(self, service: Any, read: Callable[[Path, int, Any], Iterable[tuple[Any, dict[int, Words]]]]) -> None:
        self._service, self._read = service, read
        self.folder: Path = service.home.folder / "jobs"
        self.store = Store(service.home.url, service.home.name)
        self.worker = new_id()
        self._counters = JobCounters(service)
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._cleaned = 0.0
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look for work at once."""
        self._wake.set()

    def stop(self) -> None:
        """End after the rows that are under way; another process goes on from there."""
        self._stop.set()
        self._wake.set()
        self._thread.join(30)

    def _over(self) -> bool:
        """Whether this service works at no jobs: it stops, or another version is the champion. A canary answers none."""
        return self._stop.is_set() or not self._service.leads()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(LOOK)
            self._wake.clear()
            if self._over() or not self.folder.is_dir():
                self._counters.open(0)  # whoever works at them counts them
                continue
            try:
                self._clean()
                self._counters.open(self.store.open())
                while not self._over() and (job := self.store.claim(self.worker)) is not None:
                    self._work(job)
                    self._counters.open(self.store.open())
            except RegistryAway as e:
                log.warning("%s %s", e.words.en, e.words.zh)
                self._stop.wait(_FULL)
            except Exception as e:  # whatever is wrong with one job, the service and later jobs go on
                log.warning("jobs: %s", reason(e).en)
                self._stop.wait(_FULL)
        self._counters.open(0)

    def _work(self, job: dict[str, Any]) -> None:
        folder = self.folder / job["id"]
        try:
            if self._answer(job, folder) and self.store.move(
                job["id"], self.worker, state="done", ended_at=time.time()
            ):
                self._counters.ended("done")
        except RegistryAway:
            raise
        except (ModelwrightError, Refused) as e:
            self._failed(job, _without_place(e.words, files.sent(folder, job["form"])))
        except Exception as e:  # of a library: its message may quote a row
            log.warning("job %s: %s", job["id"], type(e).__name__)
            self._failed(job, Words("The model cannot answer these rows.", "模型无法回答这些行。"))
        finally:
            if self._over():
                with contextlib.suppress(ModelwrightError):
                    self.store.release(job["id"], self.worker)

    def _failed(self, job: dict[str, Any], words: Words) -> None:
        if self.store.move(job["id"], self.worker, state="failed", error=list(words), ended_at=time.time()):
            self._counters.ended("failed")

    def _answer(self, job: dict[str, Any], folder: Path) -> bool:
        """Answer what is left of a job; False where it was deleted, or the service stops."""
        path = files.sent(folder, job["form"])
        predictor = copy.copy(
            self._service.predictor
        )  # which spells numbers as this file does, other requests as they did
        if job["rows"] is None:
            rows, names = 0, dict[str, None]()
            for table, _ in self._read(path, CHUNK, predictor):
                rows += len(table)
                names |= dict.fromkeys(gathered(predictor.with_fields(table), predictor.layouts).column_names)
                if self._over() or not self.store.move(job["id"], self.worker):
                    return False
            if names:
                some_column(predictor.schema.inputs, list(names), _FILE)
            if not self.store.move(job["id"], self.worker, rows=rows):
                return False
        # the files say how far it is: the database may have been told a part too few
        done = max((end for _, end, _ in files.parts(folder)), default=0)
        charged, unread, at = int(job["charged"]), int(job["unread"]), 0
        for table, misfits in self._read(path, CHUNK, predictor):
            first, at = at, at + len(table)
            if at <= done:
                continue
            if self._over():
                return False
            if at > charged:
                # told before it is paid: a process that is killed in between has paid nothing twice
                if not self.store.move(job["id"], self.worker, charged=at):
                    return False
                if not self._paid(job, len(table)):
                    self.store.move(job["id"], self.worker, charged=charged)
                    return False
                charged = at
            answered, bad = self._chunk(job, predictor, table, first, misfits)
            unread += bad
            if bad:
                self._service.quota.refund(job["key"], bad)
            if not self._write_answers(job, folder, first, answered):
                return False
            self._counters.answered(len(answered))
            if not self.store.move(job["id"], self.worker, done=at, unread=unread):
                return False
        return True

    def _chunk(
        self, job: dict[str, Any], predictor: Any, raw: Any, first: int, misfits: dict[int, Words]
    ) -> tuple[list[dict[str, Any]], int]:
        """Return the answers to some rows and how many could not be read. No folder is given: paths are never followed."""
        import pyarrow as pa

        service = self._service
        if service.tenanted and job["tenant"] is not None:
            raw = raw.drop_columns([c for c in raw.column_names if c == "tenant"])
            raw = raw.append_column("tenant", pa.array([job["tenant"]] * len(raw)))
        table, bad = predictor.table(raw)
        answers = predictor.answers(service.aside(table), bool(job["scores"]), table.hidden)
        found = {value.row: bad_json(replace(value, row=first + value.row))["error"] for value in bad}
        found |= {
            i + 1: {"code": "row", "row": first + i + 1, "message": w.en, "message_zh": w.zh}
            for i, w in misfits.items()
        }
        out = [
            {"row": first + i, **({"error": found[i]} if i in found else answer)} for i, answer in enumerate(answers, 1)
        ]
        return with_doubts(predictor, out, table), len(found)

    def _paid(self, job: dict[str, Any], rows: int) -> bool:
        """Take rows from the quota, waiting until it has some; False where the service stops or the job is gone."""
        while True:
            try:
                self._service.quota.spend(job["key"], rows)
                return True
            except Refused as e:
                if not self._waited(job, min(float(e.retry or 1), 60.0)):
                    return False

    def _write_answers(self, job: dict[str, Any], folder: Path, first: int, answers: list[dict[str, Any]]) -> bool:
        """Write answers, waiting for room on a disk that is full; False where the service stops or the job is gone."""
        while True:
            try:
                if not folder.is_dir():
                    return False
                files.write_part(folder, first, answers)
                return True
            except OSError as e:
                log.warning("job %s waits: %s", job["id"], e.strerror)
                if not self._waited(job, _FULL):
                    return False

    def _waited(self, job: dict[str, Any], seconds: float) -> bool:
        """Wait, and say now and then that the job is still worked at."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._stop.wait(min(3.0, seconds)):
                return False
            with contextlib.suppress(RegistryAway):
                if not self.store.move(job["id"], self.worker):
                    return False
        return True

    def _clean(self) -> None:
        """Remove jobs whose time is over, and files that belong to none."""
        if time.monotonic() - self._cleaned < _CLEAN and self._cleaned:
            return
        self._cleaned = time.monotonic()
        for id_ in self.store.expired():
            self.store.remove(id_)
            files.remove(self.folder / id_)
        known = self.store.known()
        for folder in self.folder.iterdir():
            old = time.time() - folder.stat().st_mtime > 3600
            if folder.name not in known and old:  # one that is being sent right now is not known yet
                files.remove(folder)


def _without_place(words: Words, path: Path) -> Words:
    """Return a message in which nothing tells where the service keeps what was sent."""
    return Words(
        words.en.replace(str(path), _FILE.en), words.zh.replace(f"{path} ", _FILE.zh).replace(str(path), _FILE.zh)
    )
