"""Object detection: things in pictures, each with a label and the box around it."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field, ValidationError, create_model

from modelwright.core.answers.base import Answers, TargetCodec, as_objects
from modelwright.core.answers.corrections import MOST, Form, expected, is_label, unknown_label
from modelwright.core.answers.objects import ObjectsCodec, box_of
from modelwright.core.errors import ColumnError, DataError
from modelwright.core.events import EventStream
from modelwright.core.judged import Judged
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import GeneratedTask, Plot, Section
from modelwright.core.unit import PICTURES
from modelwright.core.words import Words
from modelwright.evaluate.metrics.boxes import box_metrics
from modelwright.evaluate.metrics.tide import right_and_wrong, sorted_errors

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig

_CONDITION = re.compile(r"^\s*(precision|recall)(?:\[(.+)\])?\s*>=?\s*([\d.]+)(%?)\s*$")
_BETWEEN = re.compile(r"[,，;；]\s*(?![^\[]*\])")
_COLOURS = {"disc": (214, 60, 50), "bar": (50, 70, 210)}


class Box(BaseModel):
    """A thing that was found: left, top, right and bottom in pixels of the upright picture, and how sure it is."""

    box: tuple[float, float, float, float]
    label: str
    score: float = Field(ge=0, le=1)


class Told(BaseModel):
    """A box as people tell it; what else it holds is passed over."""

    box: tuple[float, float, float, float]
    label: str


class BoxesCodec(ObjectsCodec):
    """Boxes of a picture as lists of {box, label}; `labels` are those of the development rows, most frequent first.

    Scores hold all boxes that a model considers, each marked as `sure` or not; answers are the sure ones.
    """

    told_as: ClassVar[Form] = "boxes"

    def __init__(self, labels: tuple[str, ...]) -> None:
        super().__init__("object-detection")
        self.labels = labels  # type: ignore[assignment]

    def encode(self, values: pa.Array) -> np.ndarray:
        return as_objects([None if v is None else json.loads(v) for v in values.to_pylist()])

    def decode(self, scores: np.ndarray, thresholds: Any = None) -> Answers:
        return Answers([[box_of(b) for b in row or () if b.get("sure", True)] for row in scores[:, 0]], None)

    def unseen(self, values: pa.Array) -> dict[str, int]:
        rows = [{b["label"] for b in json.loads(v)} for v in values.to_pylist() if v is not None]
        counts = Counter(label for row in rows for label in row)
        return {label: n for label, n in counts.most_common() if label not in self.labels}

    def told(self, value: Any, *, new: bool = False) -> tuple[Any, bool]:
        """As TargetCodec.told: a list of boxes; it may be empty."""
        try:
            found = [Told.model_validate(v) for v in value] if isinstance(value, list) and len(value) <= MOST else None
        except ValidationError:
            found = None
        if found is None or any(b.box[2] <= b.box[0] or b.box[3] <= b.box[1] or not is_label(b.label) for b in found):
            raise expected(
                "a list of boxes {box: [left, top, right, bottom], label}", "框的列表 `{box: [左, 上, 右, 下], label}`"
            )
        more = any(b.label.strip() not in self.labels for b in found)
        if more and not new:
            raise unknown_label(self.labels)
        return [{"box": list(b.box), "label": b.label.strip()} for b in found], more

    def gist(self, answer: Any) -> Any:
        """Return how many there are of each label: boxes of two models are never the same to the pixel."""
        return sorted(Counter(b["label"] for b in answer).items())

    def alike(self, wanted: np.ndarray, got: np.ndarray) -> bool:
        """Whether the boxes of scores [N, 1] that are shown are the same: in number and labels, half a pixel and a hundredth of confidence."""
        for a, b in zip(wanted[:, 0], got[:, 0], strict=True):
            one, other = ([x for x in found if x.get("sure", True)] for found in (a, b))
            if len(one) != len(other) or not all(map(_near, one, other)):
                return False
        return True

    def plainly(self, truth: np.ndarray, chosen: np.ndarray) -> Words | None:
        kinds, pairs = sorted_errors(list(truth), list(chosen))
        total = sum(1 for row in truth for b in row or () if not b.get("crowd"))
        right, wrong = right_and_wrong(kinds, pairs)
        return Words(
            f"right about {right:,} of {total:,} things in {len(truth):,} unseen pictures, beside {wrong:,} box{'' if wrong == 1 else 'es'} wrong or too many",
            f"在 {len(truth):,} 张未见过的图片中，{total:,} 个目标找对 {right:,} 个，另有 {wrong:,} 个错误或多余的框",
        )

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        return as_objects([[{**b, "score": 1.0, "sure": True} for b in row] for row in truth])[:, None]

    def state(self) -> dict[str, Any]:
        return {**super().state(), "labels": list(self.labels)}


def _near(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    apart = max(abs(x - y) for x, y in zip(a["box"], b["box"], strict=True))
    return bool(a["label"] == b["label"] and apart <= 0.5 and abs(a["score"] - b["score"]) <= 0.01)


class ObjectDetection(GeneratedTask):
    """Boxes around things in one column of pictures; a picture without boxes is one in which there is nothing."""

    name = "object-detection"
    title = Words("object detection", "目标检测")
    inputs = frozenset({"image"})
    unit = PICTURES
    targets = frozenset({"boxes"})
    target_read_as = "boxes"
    metrics = box_metrics()

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 1.0 if column.modality == "boxes" else 0.0

    def read(self, source: Any, reading: Reading, events: EventStream | None = None) -> tuple[pa.Table, Detected]:
        from modelwright.data.annotations.base import BOXES, PICTURE
        from modelwright.data.annotations.shared.settle import settled
        from modelwright.data.annotations.shared.source import boxes_table
        from modelwright.data.annotations.shared.tables import rows_of
        from modelwright.data.sources import folder_of, read_table, source_name

        name = source_name(source, "table")
        found = boxes_table(source, events)
        if found is not None:
            return found, Detected()
        if isinstance(source, (str, Path)) and Path(source).is_dir():
            raise DataError(
                f"{source} holds no boxes that are known here: expected VOC XML, YOLO text, COCO or Label Studio JSON (name the file), or a table.",
                f"{source} 中没有可识别的标注：应为 VOC XML、YOLO 文本、COCO 或 Label Studio JSON（请指定文件），或表格。",
            )
        raw, detected = read_table(source, reading, events)
        marked, names = rows_of(raw, name)
        return settled(marked, name, folder_of(source), events, names or (PICTURE, BOXES)), detected

    def target_of(self, raw: pa.Table) -> str | None:
        from modelwright.data.annotations.shared.tables import list_column

        return list_column(raw)

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        pictures = [c.name for c in schema.inputs if c.modality == "image"]
        if not pictures:
            raise ColumnError(
                "Object detection needs a column of pictures; none was found. Say which one it is with --column NAME=image.",
                "目标检测需要图片列，但未找到。请用 --column 列名=image 指定。",
            )
        reason = Words("boxes are found in one column of pictures", "只在一列图片中检测")
        return schema.with_columns(
            {c.name: {"role": "ignored", "reason": reason} for c in schema.inputs if c.name != pictures[0]}
        )

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        counts = Counter(
            b["label"] for v in values.drop_null().to_pylist() for b in json.loads(v) if not b.get("crowd")
        )
        if not counts:
            raise DataError(
                f"Column `{column.name}` holds no box; at least some pictures must have one.",
                f"列 `{column.name}` 中没有任何标注框；至少部分图片应有标注。",
            )
        return BoxesCodec(tuple(sorted(counts, key=lambda n: (-counts[n], n))))

    def restore_target(self, state: Mapping[str, Any]) -> TargetCodec:
        return BoxesCodec(tuple(str(n) for n in state["labels"]))

    def deployed(self, model: Model, config: RunConfig) -> Model:
        """Take thresholds at which each label's precision and recall are what the gate asks for, as far as validation tells."""
        wanted: dict[str, dict[str, float]] = {}
        for condition in _BETWEEN.split(config.gate or ""):
            if found := _CONDITION.match(condition):
                wanted.setdefault(found[2] or "", {})[found[1]] = float(found[3]) / (100 if found[4] else 1)
        asked = getattr(model, "asked", None)
        if not wanted or asked is None:
            return model
        labels = model.target.labels  # type: ignore[attr-defined]
        made: Model = asked([{**wanted.get("", {}), **wanted.get(label, {})} for label in labels])
        return made

    def response(self, target: TargetCodec) -> type[BaseModel]:
        fields: dict[str, Any] = {"prediction": (list[Box], ...)}
        return create_model("Answer", **fields)

    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        from modelwright.evaluate.plots.boxes import detection

        return detection(judged, table)

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        from modelwright.evaluate.report import boxes as told

        if not len(judged.rows):
            return []
        found = [
            told.by_label(judged, getattr(model, "thresholds", None)),
            told.errors(judged),
            told.confusions(judged),
        ]
        return [s for s in found if s.rows]

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        from PIL import Image

        rng = np.random.default_rng(seed)
        y, x = np.mgrid[:48, :64]
        pictures, cells = [], []
        for i in range(rows):
            pixels = rng.integers(140, 190, (48, 64, 3)).astype(np.uint8)
            boxes: list[dict[str, Any]] = []
            for label in ("disc", "bar")[: 0 if i % 9 == 8 else 2]:
                if boxes and rng.random() < 0.4:
                    continue
                high = int(rng.integers(14, 20))
                wide = high if label == "disc" else high + 6
                left = int(rng.integers(1, 31 - wide)) + (32 if boxes else 0)
                top = int(rng.integers(2, 46 - high))
                middle = ((x - left - wide / 2 + 0.5) / wide) ** 2 + ((y - top - high / 2 + 0.5) / high) ** 2 < 0.25
                inside = (x >= left) & (x < left + wide) & (y >= top) & (y < top + high)
                pixels[middle if label == "disc" else inside] = _COLOURS[label]
                boxes.append({"box": [left, top, left + wide, top + high], "label": label})
            held = io.BytesIO()
            Image.fromarray(pixels).save(held, "PNG")
            pictures.append(held.getvalue())
            cells.append(json.dumps(boxes))
        return pa.table({"picture": pictures, "boxes": cells}), "boxes"


TASK = ObjectDetection
