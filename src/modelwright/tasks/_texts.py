"""What the tasks that make a text of each row share: codec, request, response, sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, create_model

from modelwright.core.answers.base import Answers, TargetCodec, as_objects
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.events import EventStream
from modelwright.core.judged import Judged
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model
from modelwright.core.schema import Column, Table
from modelwright.core.task import GeneratedTask, Plot, Section
from modelwright.data.several_texts import read_unrolled
from modelwright.data.split import row_codes
from modelwright.evaluate.metrics.texts import need_sacrebleu
from modelwright.evaluate.report import made_texts as text_report
from modelwright.features.shared.transcript_rules import unspaced

_INPUTS = frozenset({"text", "category", "number", "boolean", "timestamp", "labels", "id"})
_REFERENCES = (
    "references",
    "reference",
    "refs",
    "ref",
    "targets",
    "target",
    "outputs",
    "summaries",
    "参考译文",
    "译文",
)
_CLUSTER = 0.05  # of the rows, the most that may hang together by equal answers


class TextsCodec(ObjectsCodec):
    """Answers that are texts; truth is the list of a row's references. `cut` is how BLEU cuts them: `13a` or `zh`."""

    def __init__(self, task: str, cut: str) -> None:
        super().__init__(task)
        self.cut = cut

    def encode(self, values: pa.Array) -> np.ndarray:
        return as_objects([None if v is None else [v] if isinstance(v, str) else list(v) for v in values.to_pylist()])

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        return Answers([s["text"] for s in scores[:, 0]], None)

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        made = [{"text": t[0], "source": None, "slots": 1, "missing": [], "added": []} for t in truth]
        return as_objects(made)[:, None]

    def state(self) -> dict[str, Any]:
        return {**super().state(), "cut": self.cut}


class TextTask(GeneratedTask):
    """A text made of each row; chosen by name only."""

    inputs = _INPUTS
    targets = frozenset({"text"})
    restores = True
    opens_objects = True
    held_out: ClassVar[int] = 1500

    def read(self, source: Any, reading: Reading, events: EventStream | None = None) -> tuple[pa.Table, Detected]:
        return read_unrolled(source, reading, events, _REFERENCES)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.01 if column.modality in self.targets else 0.0

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        need_sacrebleu()
        return TextsCodec(self.name, "zh" if unspaced([v for v in values.to_pylist()[:2000] if v]) else "13a")

    def restore_target(self, state: Mapping[str, Any]) -> TargetCodec:
        return TextsCodec(self.name, str(state["cut"]))

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Return the mean cross entropy of pieces: outputs [M, V], truth [M]."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs, truth, weight=class_weight, label_smoothing=smoothing)

    def response(self, target: TargetCodec) -> type[BaseModel]:
        return create_model("Answer", prediction=(str, ...))

    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        return text_report.plots(self.metrics[0], judged)

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        return text_report.sections(self.metrics[0], judged, model, test)

    def units(self, table: Table) -> np.ndarray | None:
        """As Task.units: rows with the same source, or the same answer, stay together, so that no test answer was learnt.

        Where nearly all rows hang together by a few answers (labels, say), only equal sources do.
        """
        column = table.schema.target
        codes = row_codes(table)
        if column is None:
            return codes
        answers = np.unique([str(v).strip() for v in table.column(column.name).to_pylist()], return_inverse=True)[1]
        joined = together(codes, answers)
        return joined if np.bincount(joined).max() <= max(10, _CLUSTER * len(joined)) else codes


def together(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a number per row [N], the same for rows that hang together by equal `a` or equal `b`."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    size = int(a.max(initial=-1)) + 1
    links = coo_matrix((np.ones(len(a), np.int8), (a, size + b)), shape=(size + int(b.max(initial=-1)) + 1,) * 2)
    found = connected_components(links, directed=False)[1][a]
    return np.unique(found, return_inverse=True)[1]
