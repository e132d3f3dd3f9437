"""What the tasks that make pictures share: rows are pictures with a label, with a caption, or with neither."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field, create_model

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.media import MediaCodec
from modelwright.core.errors import DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.facts.base import Pair
from modelwright.core.judged import Judged
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.request import request_model
from modelwright.core.schema import OPTIONAL, Column, Schema, Table
from modelwright.core.task import GeneratedTask, Section
from modelwright.core.unit import PICTURES
from modelwright.core.words import Words
from modelwright.data.centre_crop import squared
from modelwright.data.class_folders import classes_of
from modelwright.data.kinds.image import decode
from modelwright.data.pairs import files_of
from modelwright.evaluate.metrics.generated import GENERATED
from modelwright.tasks._answer_files import by_answer
from modelwright.tasks._picture_pairs import place_of
from modelwright.tasks._row_means import row_mean

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig

_SHOWN = 5  # rows in a message
LEAST = 16  # pictures
PICTURE = "picture"
_ASKS = (
    *(Column(n, "number", options=OPTIONAL) for n in ("seed", "steps", "guidance", "strength")),
    *(Column(n, "image", options=OPTIONAL) for n in ("init_image", "mask_image")),
)
_NAMES = (
    "label",
    "labels",
    "class",
    "category",
    "caption",
    "captions",
    "text",
    "prompt",
    "description",
    "标签",
    "类别",
    "描述",
    "标题",
)


class _Codec(MediaCodec):
    """Files as answers; a perfect set of them is the real one, of whose figures some pixels are told."""

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        found = super().perfect(truth)
        for score, cell in zip(found[:, 0], truth, strict=True):
            pixels = squared(decode(cell.as_py()), 8, 1).ravel() / 255.0
            score["figures"] = {
                "real": pixels.tolist(),
                "made": pixels.tolist(),
                "agrees": True,
                "near": 1.0,
                "near_real": 1.0,
            }
        return found


class Generation(GeneratedTask):
    """Pictures that look as if they were of the data; KID by features trained here ranks."""

    inputs = frozenset({"category", "text"})
    unit = PICTURES
    targets = frozenset({"image"})
    target_read_as = "image"
    metrics = GENERATED
    recalls = False
    checked = False
    needs_inputs = False
    held_out = 400
    condition: ClassVar[str]  # the modality of what is asked for

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes("unconditional-image-generation")

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.05 if column.modality == "image" else 0.0

    def read(
        self, source: Any, reading: Reading, events: EventStream | None = None
    ) -> tuple[pa.Table, Detected] | None:
        if not isinstance(source, (str, Path)) or not Path(source).is_dir():
            return None
        folder = Path(source)
        files = files_of(folder)
        columns = {PICTURE: pa.array([str(p.resolve()) for p in files], pa.string())}
        labels = classes_of([p.relative_to(folder).as_posix() for p in files])
        if all(labels) and len(set(labels)) > 1:
            columns["label"] = pa.array(labels, pa.string())
        return pa.table(columns), Detected()

    def target_of(self, raw: pa.Table) -> str | None:
        return next((n for n in (PICTURE, "image", "图片") if n in raw.column_names), None)

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        known = [c for c in schema.inputs if self._asks(c)]
        known.sort(key=lambda c: c.name.lower() not in _NAMES)
        self._found(known, schema)
        out: dict[str, dict[str, Any]] = {
            c.name: {"role": "ignored", "reason": Words("not read by this task", "该任务不使用此列")}
            for c in schema.inputs
        }
        if known:
            out[known[0].name] = {"modality": self.condition, "options": {}, "reason": None}
        target = schema.target
        if config is not None and target is not None:
            # read by the recipes, which know no options of a run
            out[target.name] = {"options": {**target.options, "side": config.resolution, "few_steps": config.few_steps}}
        return schema.with_columns(out)

    def _asks(self, column: Column) -> bool:
        """Whether a column may say what is asked for."""
        raise NotImplementedError

    def _found(self, known: list[Column], schema: Schema) -> None:
        """Raise OptionError where a column that says what is asked for is missing."""

    def kept(self, table: Table, config: RunConfig) -> tuple[Table, Words | None]:
        if len(table) < LEAST:
            raise DataError(
                f"{table.source} holds {len(table)} pictures; a generator needs {LEAST} to learn from at least, and some hundreds to be of use.",
                f"{table.source} 只有 {len(table)} 张图片；生成模型至少需要 {LEAST} 张，要有用则需数百张。",
            )
        asks = next(iter(table.schema.inputs), None)
        empty = [] if asks is None else np.flatnonzero(np.asarray(table.column(asks.name).is_null())).tolist()
        if not empty:
            return table, None
        if len(empty) == len(table):
            self._found([], table.schema)
        target = table.schema.target
        assert target is not None
        places = [place_of(table, target.name, i) for i in empty[:_SHOWN]]
        en, zh = ", ".join(p.en for p in places), "，".join(p.zh for p in places)
        more = " ..." if len(empty) > _SHOWN else ""
        return table, Words(
            f"{len(empty)} of {len(table)} pictures have no {self.condition}: {en}{more}; they are learnt as pictures of nothing in particular.",
            f"{len(table)} 张图片中有 {len(empty)} 张没有描述：{zh}{more}；按无条件图片学习。",
        )

    def units(self, table: Table) -> np.ndarray | None:
        return by_answer(table)

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return _Codec(self.name, "image/png")

    def served(self, schema: Schema) -> Schema:
        """As Task.served: a row may name a seed, the steps it takes, and how far it is led towards what is asked for; and a picture to begin
        with, alone or with a mask."""
        return Schema((*schema.inputs, *_ASKS, *(c for c in schema if c.role == "target")))

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Return the mean squared error of directions."""
        return row_mean((outputs - truth) ** 2, row_weight)

    def request(self, schema: Schema) -> type[BaseModel]:
        asks = {c.name for c in _ASKS if c.modality == "number"}
        base: Any = request_model(Schema(tuple(c for c in schema.inputs if c.name not in asks)))
        return create_model(
            "Row", __base__=base,
            seed=(int | None, Field(None, ge=0, lt=2**53, description="the same seed gives the same picture")),
            steps=(int | None, Field(None, ge=1, le=1000)),
            guidance=(float | None, Field(None, ge=1, le=20, description="how far it is led towards what is asked for")),
            strength=(float | None, Field(None, gt=0, le=1, description="how far `init_image` is changed")),
        )  # fmt: skip

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        from modelwright.evaluate.report.generated import sections

        return sections(model, judged, develop, test, seconds)

    def told(self, model: Model) -> list[list[Pair]]:
        what = Words(
            "Every picture that it makes carries a mark in a text chunk of its PNG: that a model made it, which recipe, and the seed. It was trained on the pictures of "
            "this run alone. Its features and figures were trained here too, so that KID and FID compare models of this run and no published ones; with few rows FID reads too high. "
            "`copied` says whether made pictures lie nearer to training pictures than these do to each other. No differential privacy: a picture that occurs often may be given again.",
            "生成的每张图片都在 PNG 文本块中带有标记：由模型生成、所用方案与种子。模型只在本次运行的图片上训练。特征与指标也在本次运行中训练，因此 KID 与 FID 只能比较本次运行的模型，不能与论文数值相比；"
            "行数少时 FID 偏高。`copied` 表示生成图是否比训练图片彼此更接近训练图片。没有差分隐私：反复出现的图片可能被重现。",
        )
        return [[list(Words("How its pictures are made", "图片如何生成")), list(what)]]

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        """Return small grey pictures of bars that lie or stand."""
        from PIL import Image

        rng = np.random.default_rng(seed)
        pictures, labels = [], []
        for _ in range(rows):
            pixels = np.zeros((16, 16), np.uint8)
            at, lies = int(rng.integers(2, 12)), bool(rng.integers(2))
            pixels[(slice(at, at + 3), slice(2, 14)) if lies else (slice(2, 14), slice(at, at + 3))] = 230
            held = io.BytesIO()
            Image.fromarray(pixels).save(held, "PNG")
            pictures.append(held.getvalue())
            labels.append("a bar that lies" if lies else "a bar that stands")
        return pa.table({PICTURE: pictures, "label": labels}), PICTURE


def need_text(known: list[Column], schema: Schema) -> None:
    """Raise OptionError where there is no column of captions."""
    if not known:
        names = ", ".join(schema.names)
        raise OptionError(
            f"text-to-image learns from captions, and no column holds texts; the columns are: {names}. Without captions: --task unconditional-image-generation.",
            f"text-to-image 需要描述文字，但没有文本列；现有的列：{names}。没有描述时请用 --task unconditional-image-generation。",
        )
