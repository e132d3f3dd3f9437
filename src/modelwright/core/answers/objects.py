"""Answers that are made, not chosen: sentences, spans, ranked lists.

Legend: N rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import Answers, TargetCodec, as_objects
from modelwright.core.registry import TASKS, load_file
from modelwright.core.run import read_json, write_json
from modelwright.core.words import Words


def box_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is answered of a box that a detector found: its corners in pixels, its label and its score, without what metrics alone read."""
    return {k: found[k] for k in ("box", "label", "score")}


class ObjectsCodec(TargetCodec):
    """Answers that are made, not chosen: sentences, spans, ranked lists. A task derives its own codec from this.

    `scores` are JSON values in an object array [N, 1]; they pass through metrics, and `decode` turns each into what is
    answered. `task` names the task whose `restore_target` reads `state` back.
    """

    kind = "objects"
    link = ""
    averages = False
    explains = False
    compares_groups = False
    labels = ()

    def __init__(self, task: str) -> None:
        self.task = task

    @property
    def outputs(self) -> int:
        return 1

    def encode(self, values: pa.Array) -> np.ndarray:
        return as_objects(values.to_pylist())

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        return Answers(list(scores[:, 0]), None)

    def chosen(self, answers: Answers, scores: np.ndarray) -> np.ndarray:
        return as_objects(answers.predictions)

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        """Return the scores [N, 1] of a model that is always right, for encoded truth [N]."""
        return truth[:, None]

    def faults(self, scores: np.ndarray) -> str | None:
        try:
            json.dumps(scores[:, 0].tolist(), allow_nan=False)
        except (TypeError, ValueError) as e:
            return f"scores are no JSON values: {e}"
        return None

    def alike(self, wanted: np.ndarray, got: np.ndarray) -> bool:
        """Return whether two models' scores [N, 1] are the same as far as anyone sees; for exports."""
        return bool(wanted[:, 0].tolist() == got[:, 0].tolist())

    def gist(self, answer: Any) -> Any:
        """Return a text without the blanks around it."""
        return answer.strip() if isinstance(answer, str) else answer

    def finite(self, scores: np.ndarray) -> bool:
        return True

    def answered(self, scores: np.ndarray) -> np.ndarray:
        return np.ones(len(scores), bool)

    def blend(self, weights: Sequence[float], scores: Sequence[np.ndarray]) -> np.ndarray:
        """Return the scores [N, 1] of the weightiest model: answers that are made have no mean."""
        return scores[int(np.argmax(weights))]

    def save_scores(self, folder: Path, scores: np.ndarray) -> None:
        write_json(folder / "validation.json", scores[:, 0].tolist())

    def load_scores(self, folder: Path) -> np.ndarray:
        return as_objects(read_json(folder / "validation.json"))[:, None]

    def column(self, predictions: Sequence[Any], flat: bool) -> pa.Array:
        """Return texts as they are; anything else as JSON in formats that hold no lists."""
        if flat or all(v is None or isinstance(v, str) for v in predictions):
            made = [v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in predictions]
            return pa.array(made, pa.string())
        return pa.array(predictions)

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> TargetCodec:
        """Let the task make the codec that its `restore_target` knows."""
        task = load_file(TASKS, str(state["task"]), Words("task", "任务")).TASK()
        found: TargetCodec = task.restore_target(state)
        return found

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "task": self.task}


CODEC = ObjectsCodec
