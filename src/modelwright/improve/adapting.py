"""Learning from feedback while a model serves: a thread reads what was told, a head learns from it, and is kept beside the keys.

Every process of a service reads the same feedback in the same order from the database, so all of them come to the same head, up
to the requests that each remembers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.errors import BundleError, ModelwrightError
from modelwright.core.run import read_json, write_json
from modelwright.core.saved import LIBRARY_ERRORS, read_arrays, write_arrays
from modelwright.core.schema import Table
from modelwright.improve.online import Head, State
from modelwright.privacy import ledger
from modelwright.release.bundle import Predictor
from modelwright.serve.stores import Answered

_LOOK = 2.0  # seconds between looks at the feedback
_ASKED = 64  # requests between two looks of which one row is remembered
_SAVE = 30.0  # seconds between saves, at least
log = logging.getLogger("modelwright")


class Adapting:
    """The head of one served model, and the thread that teaches it. `feedback` is the store of its name's feedback."""

    def __init__(self, predictor: Predictor, feedback: Any, folder: Path, model: str, look: float = _LOOK) -> None:
        self.predictor, self.feedback, self.folder, self.look = predictor, feedback, folder, look
        self.model = model  # SHA-256 of the bundle's manifest: a head is for one model
        self.head = Head(predictor.target)
        self.since = time.time()  # what was told before then is for the next training
        self._asked: deque[Table] = deque(maxlen=_ASKED)
        self._saved, self._stop = 0.0, threading.Event()
        self._told: str | None = None
        self._thread = threading.Thread(target=self._run, name="adapt", daemon=True)

    def begin(self) -> None:
        """Go on from the head that was kept, and learn from then on."""
        self._load()
        self.predictor.adjust = self.head.adjust
        self._thread.start()

    def end(self) -> None:
        """Stop learning and keep the head."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10.0)
        self.predictor.adjust = None
        self._save()

    def observe(self, answered: Answered) -> None:
        """Take note of one row of a request; the thread looks at it, not the event loop."""
        if len(answered.table):
            at = len(self._asked) % len(answered.table)
            self._asked.append(answered.table.take(np.array([at])))

    def catch_up(self) -> int:
        """Learn from what was told since; return how many pieces. Raises RegistryAway."""
        while self._asked:
            row = self._asked.popleft()
            self.head.remember(row, np.asarray(self.predictor.own_scores(row), float))
        count, target = 0, self.predictor.target
        for one in self.feedback.labelled(since=self.since, gist=target.gist):
            if one.told_at <= self.since:
                continue
            self.since = one.told_at
            if one.version and one.version != self.predictor.version:
                continue  # an answer of another release
            table, bad = self.predictor.table([dict(one.row)])
            if bad:
                self.head.state.passed += 1
                continue
            truth = target.encode(pa.array([one.answer]))
            self.head.learn(table, np.asarray(self.predictor.own_scores(table), float), truth[0])
            count += 1
        return count

    def _run(self) -> None:
        while not self._stop.wait(self.look):
            before = self.head.state.status
            try:
                count = self.catch_up()
                self._told = None
            except Exception as e:  # whatever is wrong with feedback, the service answers on
                count, said = 0, e.words.en if isinstance(e, ModelwrightError) else type(e).__name__
                if said != self._told:
                    self._told = said
                    log.warning("Learning from feedback waits: %s 暂停从反馈学习：%s", said, said)
            now = self.head.state.status
            if now != before:
                self._enter(before, now)
            if count and time.monotonic() - self._saved > _SAVE:
                self._save()

    def _enter(self, before: str, now: str) -> None:
        """Write into the ledger that other answers are given from now on."""
        try:
            facts: dict[str, Any] = {"name": self.predictor.name, "version": self.predictor.version}
            ledger.record(None, "adapt", **facts, before=before, now=now, updates=self.head.state.updates)
        except ModelwrightError as e:
            log.warning("%s %s", e.words.en, e.words.zh)

    # -- what is kept --------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        self._saved = time.monotonic()
        used = np.flatnonzero(np.abs(self.head.weights).max(axis=1) > 0)
        arrays: dict[str, np.ndarray] = {"features": used.astype(np.int64), "weights": self.head.weights[used]}
        state = {
            **self.head.state.to_json(),
            "model": self.model,
            "since": self.since,
            "shape": list(self.head.weights.shape),
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_arrays(self.folder / "head.part", arrays)
            (self.folder / "head.part").replace(self.folder / "head.safetensors")
            write_json(self.folder / "head.json", state)
        except (OSError, ModelwrightError) as e:
            log.warning("The adapted head was not kept: %s 未能保存在线更新：%s", e, e)

    def _load(self) -> None:
        """Take the head that was kept for this model; one of another model, or damaged, is left."""
        if not (self.folder / "head.json").is_file():
            return
        try:
            told = read_json(self.folder / "head.json")
            arrays = read_arrays(self.folder / "head.safetensors")
            if told["model"] != self.model or tuple(told["shape"]) != self.head.weights.shape:
                return
            weights = np.zeros_like(self.head.weights)
            weights[arrays["features"]] = arrays["weights"]
            if not np.isfinite(weights).all():
                raise ValueError("weights that are no numbers")
        except Exception as e:
            if not isinstance(e, (BundleError, OSError, ValueError, KeyError, TypeError, IndexError)) and (
                type(e).__name__ not in LIBRARY_ERRORS
            ):
                raise
            log.warning("The adapted head in %s is damaged and is left. 在线更新的内容已损坏，不予使用。", self.folder)
            return
        self.head.weights, self.since = weights, float(told["since"])
        # it proves itself anew: what it was compared by is not kept
        self.head.state = State(updates=int(told["updates"]), falls=int(told["falls"]), passed=int(told["passed"]))
