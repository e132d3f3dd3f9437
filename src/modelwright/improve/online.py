"""A small linear head upon a model that serves, which learns from feedback one row at a time and is used only while it helps.

The bundle stays as it is: the head adds to the decision values of its answers. Each piece of feedback is first predicted by both,
the model alone and with the head (progressive validation, Blum, Kalai & Langford 1999, doi 10.1145/307400.307439), then learnt by
one step of gradient descent of bounded length (Zinkevich 2003). Against each correction stand requests that were answered
without complaint, whose answers are to stay. Where the head does no better than the model alone on the last pieces of feedback, or
changes too many answers, it falls back: it is emptied, and used again once it has proved itself anew.

Legend: N rows, D features, K outputs.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import OptionError
from modelwright.core.schema import Table

Status = Literal["learning", "used", "fallen back"]
_CELLS = 4_000_000  # of the head, features times outputs
_MOST = 1 << 16  # features
_STEP = 0.5  # length of one step, at most
_RATE = 0.5
_RADIUS = 20.0  # of the head's weights, at most
_WINDOW = 200  # pieces of feedback over which both are compared
_PROVE = 20  # pieces of feedback before the head is used
_LATELY = 0.15  # share right by which it may lie behind over the last of these, before the whole window tells
_ANCHORS = 2  # requests without complaint that are learnt for each correction
_KEPT = 256  # requests that are remembered for that, as features and answers, never as rows
_FLIPS = 0.1  # share of these whose answer the head may change
_TINY = 1e-9
_WORST = 10.0  # loss of one row, at most: one strange correction must not decide


def refuse(target: TargetCodec, private: bool, remote: bool) -> None:
    """Refuse a model that cannot be adapted. Raises OptionError, in one sentence."""
    if private:
        raise OptionError(
            "--adapt is not possible here: the model was trained under differential privacy, and learning from feedback would spend "
            "privacy that nobody accounted for.",
            "此处不能使用 --adapt：模型在差分隐私下训练，从反馈中学习会消耗未计入的隐私预算。",
        )
    if remote or target.kind not in ("classes", "value"):
        raise OptionError(
            "--adapt works where a model of your own answers with one label or one number; this one answers otherwise.",
            "--adapt 仅适用于由自有模型回答单个标签或单个数值的情况；此模型的回答方式不同。",
        )


def features_of(table: Table, size: int) -> Any:
    """Return the features [N, D] (sparse, rows of length 1) of a typed table: hashed words and pairs of words of texts, values of
    other columns; media are passed over."""
    from scipy.sparse import csr_matrix

    rows, columns, values = [], [], []
    inputs = [c for c in table.schema.inputs if c.name in table]
    cells = {c.name: table.column(c.name).to_pylist() for c in inputs}
    for i in range(len(table)):
        found: dict[int, float] = {_place("", size): 1.0}
        for c in inputs:
            for name, value in _features_of(c.name, c.modality, cells[c.name][i]):
                at = _place(name, size)
                found[at] = found.get(at, 0.0) + value
        length = math.sqrt(sum(v * v for v in found.values()))
        rows += [i] * len(found)
        columns += list(found)
        values += [v / length for v in found.values()]
    return csr_matrix((np.array(values, np.float32), (rows, columns)), (len(table), size))


def _place(text: str, size: int) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=6).digest(), "big") % size


def _features_of(name: str, modality: str, cell: Any) -> list[tuple[str, float]]:
    if cell is None:
        return [(f"{name}=", 1.0)]
    if modality in ("text", "molecule", "sequence"):
        text = str(cell).casefold()
        words = [w for w in text.split() if w][:400]
        if len(words) <= max(1, len(text) // 12):  # a script without spaces between words: pairs of letters
            words = [text[i : i + 2] for i in range(min(len(text), 400))]
        pairs = [f"{a} {b}" for a, b in pairwise(words)]
        return [(f"{name}:{w}", 1.0) for w in [*words, *pairs]]
    if modality == "number":
        value = float(cell)
        return (
            [(name, math.copysign(math.log1p(abs(value)), value) / 5)] if math.isfinite(value) else [(f"{name}=", 1.0)]
        )
    if modality in ("category", "boolean", "id", "labels"):
        held = cell if isinstance(cell, list) else [cell]
        return [(f"{name}={one}", 1.0) for one in held]
    return []


@dataclass
class State:
    """How the head does."""

    status: Status = "learning"
    updates: int = 0
    falls: int = 0  # times that it fell back
    compared: int = 0  # pieces of feedback in the window
    alone: float = math.nan  # over the window: share right by the model alone (for numbers: less its mean error)
    adapted: float = math.nan  # with the head
    flips: float = 0.0  # share of remembered requests whose answer the head changes
    passed: int = 0  # pieces of feedback with a label that the model does not know

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; what is not known is None."""
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in self.__dict__.items()}


class Head:
    """The head of one model. `adjust` may be called from any thread; `learn` from one at a time."""

    def __init__(self, target: TargetCodec, seed: int = 0) -> None:
        self.target, self.state = target, State()
        self.value = target.kind == "value"
        outputs = 1 if self.value else target.outputs
        self.size = int(min(_MOST, max(1024, _CELLS // max(1, outputs))))
        self.weights = np.zeros((self.size, outputs), np.float32)
        self._spread = float(getattr(target, "std", 1.0)) or 1.0
        self._window: deque[tuple[float, float, float, float]] = deque(maxlen=_WINDOW)
        self._kept: deque[tuple[Any, np.ndarray]] = deque(maxlen=_KEPT)
        self._rng = np.random.default_rng(seed)
        self._lock = threading.Lock()

    def adjust(self, table: Table, scores: np.ndarray) -> np.ndarray:
        """Return scores [N, K] with what the head adds; those of the model alone while it is not used."""
        if self.state.status != "used":
            return scores
        return self._with(features_of(table, self.size), scores)

    def remember(self, rows: Table, scores: np.ndarray) -> None:
        """Remember requests, as features and the model's own scores [N, K], whose answers are to stay where nobody complains."""
        with self._lock:
            for i in range(len(rows)):
                one = rows.take(np.array([i]))
                self._kept.append((features_of(one, self.size), np.asarray(scores[i : i + 1], float)))

    def learn(self, row: Table, scores: np.ndarray, truth: Any) -> None:
        """Take one piece of feedback: compare first, then learn. `scores` [1, K] are the model's own, `truth` as encoded."""
        if (not self.value and int(truth) < 0) or (self.value and not math.isfinite(float(truth))):
            self.state.passed += 1
            return
        features = features_of(row, self.size)
        with self._lock:
            # what somebody complained of is no answer that is to stay
            alike = [one for one in self._kept if not _same(one[0], features)]
            self._kept = deque(alike, maxlen=_KEPT)
            self._window.append((*self._judged(scores, truth), *self._judged(self._with(features, scores), truth)))
            self._step(features, scores, truth, 1.0)
            for _ in range(min(_ANCHORS, len(self._kept))):
                kept, own = self._kept[int(self._rng.integers(len(self._kept)))]
                self._step(kept, own, own[0, 0] if self.value else own[0], 0.5)
            length = float(np.linalg.norm(self.weights))
            if length > _RADIUS:
                self.weights *= _RADIUS / length
            self.state.updates += 1
            self._guard()

    def _with(self, features: Any, scores: np.ndarray) -> np.ndarray:
        added = features @ self.weights
        if self.value:
            return np.asarray(scores + added * self._spread)
        logits = np.log(np.clip(scores, _TINY, 1.0)) + added
        logits -= logits.max(axis=1, keepdims=True)
        found = np.exp(logits)
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def _judged(self, scores: np.ndarray, truth: Any) -> tuple[float, float]:
        """Return loss and rightness of one row."""
        if self.value:
            error = abs(float(scores[0, 0]) - float(truth)) / self._spread
            return min(error * error, _WORST), -error
        p = float(np.clip(scores[0, int(truth)], _TINY, 1.0))
        return min(-math.log(p), _WORST), float(scores[0].argmax() == int(truth))

    def _step(self, features: Any, scores: np.ndarray, truth: Any, share: float) -> None:
        """Take one step of bounded length; `truth` is a label, a number, or probabilities [K] that are to stay."""
        now = self._with(features, scores)
        if self.value:
            slope = np.array([(float(now[0, 0]) - float(truth)) / self._spread])
        else:
            wanted = truth if np.ndim(truth) else np.eye(now.shape[1])[int(truth)]
            slope = now[0] - wanted
        step = -_RATE * share * slope
        length = float(np.linalg.norm(step))  # features have length 1, so this is the length of the whole step
        if length > _STEP:
            step *= _STEP / length
        self.weights[features.indices] += features.data[:, None] * step[None].astype(np.float32)

    def _guard(self) -> None:
        """Use the head while it has proved itself; empty it where it does worse than the model alone or changes too much."""
        state, window = self.state, np.array(self._window)
        state.compared = len(window)
        state.alone, state.adapted = float(window[:, 1].mean()), float(window[:, 3].mean())
        state.flips = self._flipped()
        late = window[-_PROVE:]
        good = window[:, 2].mean() <= window[:, 0].mean() and state.adapted >= state.alone and state.flips <= _FLIPS
        good = good and late[:, 3].mean() >= late[:, 1].mean() - _LATELY
        if state.status == "used" and not good:
            self.weights[:] = 0.0
            self._window.clear()
            state.status, state.falls = "fallen back", state.falls + 1
        elif state.status != "used" and good and len(window) >= _PROVE and window[:, 2].mean() < window[:, 0].mean():
            state.status = "used"

    def _flipped(self) -> float:
        if not self._kept:
            return 0.0
        changed = 0
        for features, own in self._kept:
            now = self._with(features, own)
            if self.value:
                changed += abs(float(now[0, 0] - own[0, 0])) > self._spread
            else:
                changed += int(now[0].argmax() != own[0].argmax())
        return changed / len(self._kept)


def _same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(np.sort(a.indices), np.sort(b.indices)))
