"""Pictures from pictures: larger, cleaner, sharper, in colour, or anything else that pairs show."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from modelwright.core import unit as units
from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.media import MediaCodec
from modelwright.core.errors import ColumnError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.judged import Judged, Metric
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import Formed, GeneratedTask, Section
from modelwright.core.words import Words
from modelwright.data.degrade import parse_degrade
from modelwright.data.pairs import WANTED, pairs_table
from modelwright.evaluate.metrics.pictures import LPIPS, PICTURES, PSNR, PSNR_COLOUR
from modelwright.tasks._answer_files import by_answer
from modelwright.tasks._picture_pairs import check_scale, learnt_from, made_worse, paired, with_place
from modelwright.tasks._row_means import row_mean

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig


class ImageToImage(GeneratedTask):
    """One picture of each picture, of its size or a whole number of times as large. PSNR ranks; on colours where those are made."""

    name = "image-to-image"
    title = Words("pictures from pictures", "图像到图像")
    inputs = frozenset({"image"})
    unit = units.PICTURES
    targets = frozenset({"image"})
    target_read_as = "image"
    metrics = PICTURES
    recalls = False  # what a degradation took away cannot be had back, not even of training rows
    checked = False  # rows are looked at where they are paired
    least = Words("the picture as it came", "原样返回的图片")
    no_better = Words("give more time (--budget) or more pictures", "请增加时间（--budget）或图片")

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.5 if column.modality == "image" else 0.0

    def read(
        self, source: Any, reading: Reading, events: EventStream | None = None
    ) -> tuple[pa.Table, Detected] | None:
        if isinstance(source, (str, Path)) and Path(source).is_dir():
            return pairs_table(Path(source)), Detected()
        return None

    def target_of(self, raw: pa.Table) -> str | None:
        return WANTED if WANTED in raw.column_names else None

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        target = schema.target
        if target is not None and target.modality != "image":
            raise ColumnError(
                f"`{target.name}` holds {target.modality}; --target names the column of the wanted pictures.",
                f"`{target.name}` 的类型为 {target.modality}；--target 应为目标图片所在的列。",
            )
        pictures = [c.name for c in schema.inputs if c.modality == "image"]
        degrade = config.degrade if config is not None else None
        if degrade is not None:
            parse_degrade(degrade)  # refused before any picture is opened
        if degrade is not None and pictures:
            raise OptionError(
                f"The data have pairs (`{pictures[0]}` beside `{target.name if target else ''}`): leave --degrade out, or the column, with --ignore.",
                f"数据已经成对（`{pictures[0]}` 与 `{target.name if target else ''}`）：请去掉 --degrade，或用 --ignore 忽略该列。",
            )
        if degrade is None and len(pictures) != 1:
            shown = ", ".join(pictures)
            words = Words(
                f"The data have several columns of pictures beside the target: {shown}. Leave all but one out with --ignore.",
                f"目标列之外有多列图片：{shown}。请用 --ignore 只保留一列。",
            )
            if not pictures:
                words = Words(
                    'There are good pictures only, and nothing to make them of: say what is to be undone, such as --degrade "bicubic x2" '
                    'or --degrade "noise 25", or give pairs in two folders (low/ and high/) or columns.',
                    '只有目标图片，没有输入图片：请说明要还原什么，例如 --degrade "bicubic x2" 或 --degrade "noise 25"；或以两个文件夹（low/ 与 high/）或两列给出成对图片。',
                )
            raise OptionError(words)
        keep = {pictures[0]} if pictures else set()
        out = {
            c.name: {"role": "ignored", "reason": Words("not read by this task", "该任务不使用此列")}
            for c in schema.inputs
            if c.name not in keep
        }
        schema = schema.with_columns(out)
        return schema if degrade is None else with_place(schema)

    def kept(self, table: Table, config: RunConfig) -> tuple[Table, Words | None]:
        if config.degrade is not None:
            table = made_worse(table, config.degrade, config.seed)
        return paired(table)

    def formed(self, table: Table, config: RunConfig, trained: Table | None = None) -> Formed:
        """As Task.formed. Raises DataError for official test pairs that are enlarged otherwise than the training pictures are."""
        if trained is None:
            return Formed(table)
        check_scale(table, trained)
        return Formed(table, findings=tuple(learnt_from(table, trained)))

    def units(self, table: Table) -> np.ndarray | None:
        return by_answer(table)

    def ranks(self, table: Table) -> Metric:
        inputs = table.schema.inputs
        shown = inputs[0].options.get("channels") if inputs else None
        return PSNR_COLOUR if shown and shown[0] < shown[1] else PSNR

    def metric(self, name: str) -> Metric:
        """As Task.metric; `lpips` is for runs that name a network (--lpips)."""
        return LPIPS if name == LPIPS.name else super().metric(name)

    def metrics_of(self, target: TargetCodec) -> tuple[Metric, ...]:
        found = super().metrics_of(target)
        from modelwright.recipes.shared.perceptual_judge import looks

        return (*found, LPIPS) if looks() else found

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return MediaCodec(self.name, "image/png")

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Return the mean Charbonnier loss (arXiv 1710.01992) of pictures [B, C, H, W] in 0..1 against those that are wanted."""
        return row_mean(((outputs - truth) ** 2 + 1e-6).sqrt(), row_weight)

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        from modelwright.evaluate.report.compared import sections

        return sections(model, judged, test, seconds)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        """Return shapes of random colours, and the same under noise."""
        from PIL import Image

        rng = np.random.default_rng(seed)
        columns: dict[str, list[bytes]] = {"picture": [], WANTED: []}
        for _ in range(rows):
            clean = np.empty((20, 24, 3), np.uint8)
            clean[:] = rng.integers(0, 256, 3)
            top, left = rng.integers(0, 10, 2)
            clean[top : top + 10, left : left + 12] = rng.integers(0, 256, 3)
            noisy = np.clip(clean + rng.normal(0, 25, clean.shape), 0, 255).astype(np.uint8)
            for name, pixels in zip(columns, (noisy, clean), strict=True):
                held = io.BytesIO()
                Image.fromarray(pixels).save(held, "PNG")
                columns[name].append(held.getvalue())
        return pa.table(columns), WANTED


TASK = ImageToImage
