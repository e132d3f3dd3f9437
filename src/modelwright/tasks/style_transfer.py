"""Pictures painted in the style of others, by features trained here: works offline with nothing pretrained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from modelwright.data.depth import loses_bits
from modelwright.data.kinds.base import Unreadable, media
from modelwright.data.kinds.image import SUFFIXES, decode
from modelwright.data.pairs import WANTED, files_of, pictures_table
from modelwright.evaluate.metrics.pictures import STYLES
from modelwright.tasks._answer_files import by_answer
from modelwright.tasks._picture_pairs import with_place
from modelwright.tasks._row_means import row_mean

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig

_FLAT = 3.0  # deviation of grey values below which a picture is of one colour
_MOST = 50  # styles


class StyleTransfer(GeneratedTask):
    """The same picture in another style. What is missed of style and of content, each as a share of what was missed at the start, ranks."""

    name = "style-transfer"
    title = Words("style transfer", "风格迁移")
    inputs = frozenset({"image"})
    unit = PICTURES
    targets = frozenset({"image"})
    target_read_as = "image"
    metrics = STYLES
    recalls = False
    checked = False
    least = Words("the picture as it came", "原样返回的图片")
    no_better = Words(
        "give more time (--budget), or a pretrained network (--pretrained efficientnet-lite0)",
        "请增加时间（--budget），或使用预训练网络（--pretrained efficientnet-lite0）",
    )

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.1 if column.modality == "image" else 0.0

    def read(
        self, source: Any, reading: Reading, events: EventStream | None = None
    ) -> tuple[pa.Table, Detected] | None:
        if isinstance(source, (str, Path)) and Path(source).is_dir():
            return pictures_table(Path(source)), Detected()
        return None

    def target_of(self, raw: pa.Table) -> str | None:
        return WANTED if WANTED in raw.column_names else None

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        if config is None:
            return schema
        styles = _styles(config.style)
        if not styles:
            raise OptionError(
                "Name the pictures whose style is taken: --style painting.jpg, several times, or a folder of them.",
                "请指定提供风格的图片：--style painting.jpg，可多次使用，或指定其文件夹。",
            )
        _check(styles)
        out = {
            c.name: {"role": "ignored", "reason": Words("not read by this task", "该任务不使用此列")}
            for c in schema.inputs
        }
        schema = with_place(schema.with_columns(out))
        return schema.with_column(schema.columns[0].name, role="input", options={"styles": styles})

    def kept(self, table: Table, config: RunConfig) -> tuple[Table, Words | None]:
        place, target = table.schema.inputs[0], table.schema.target
        assert target is not None
        at = table.data.column_names.index(place.name)
        data = table.data.set_column(at, place.name, table.column(target.name))
        return Table(data, table.schema, table.rows, table.source), None

    def units(self, table: Table) -> np.ndarray | None:
        return by_answer(table)

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return MediaCodec(self.name, "image/png")

    def served(self, schema: Schema) -> Schema:
        """As Task.served: a row may name its style, a strength, and whether the picture keeps its colours."""
        picture = Column(schema.inputs[0].name, "image", "input")
        more = (
            Column("style", "text", options=OPTIONAL),
            Column("strength", "number", options=OPTIONAL),
            Column("keep_colour", "boolean", options=OPTIONAL),
        )
        return Schema((picture, *more, *(c for c in schema if c.role == "target")))

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Return the mean squared error of features."""
        return row_mean((outputs - truth) ** 2, row_weight)

    def request(self, schema: Schema) -> type[BaseModel]:
        base: Any = request_model(Schema(tuple(c for c in schema.inputs if c.modality == "image")))
        return create_model(
            "Row", __base__=base,
            style=(str | None, Field(None, description="a style by name, or several: `waves:0.7 + ink:0.3`")),
            strength=(float | None, Field(None, ge=0, le=1)),
            keep_colour=(bool | None, None),
        )  # fmt: skip

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        from modelwright.evaluate.report.compared import painted

        return painted(model, judged, test, list(getattr(model, "styles", {})), seconds)

    def told(self, model: Model) -> list[list[Pair]]:
        names = ", ".join(getattr(model, "styles", {}))
        if origins := model.origins:
            base = ", ".join(o["name"] for o in origins)
            return [[list(Words("How it paints", "如何作画")), list(Words(
                f"Styles: {names}. Their features are filters trained here, which know colours, strokes and textures, and the maps of {base}, which "
                "know things: what a picture shows stays in place. The bundle holds statistics of the styles, no picture.",
                f"风格：{names}。特征由在此训练的滤波器（了解色彩、笔触与纹理）与 {base} 的特征图（了解物体）组成：画面内容保持原位。模型包只含风格的统计量，不含图片。",
            ))]]  # fmt: skip
        what = Words(
            f"Styles: {names}. Their features were trained here, on the pictures of this run: they know colours, strokes and textures, and nothing "
            "of objects, so that faces and things are painted over as any texture is. The bundle holds statistics of the styles, no picture.",
            f"风格：{names}。特征在本次运行的图片上训练：了解色彩、笔触与纹理，但不了解物体，因此人脸与物体会像普通纹理一样被覆盖。模型包只含风格的统计量，不含图片。",
        )
        return [[list(Words("How it paints", "如何作画")), list(what)]]

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        from modelwright.core.task import get_task

        raw, target = get_task("image-to-image").sample(rows, seed)
        return raw, target


def _styles(given: list[str]) -> dict[str, str]:
    """Return the style pictures by name. Raises OptionError for a path that holds none."""
    out: dict[str, str] = {}
    for text in given:
        path = Path(text)
        files = files_of(path) if path.is_dir() else [path] if path.is_file() else []
        if not files:
            raise OptionError(
                f"--style names a picture or a folder of pictures ({', '.join(sorted(SUFFIXES))}); there is none at {text}.",
                f"--style 应为图片或图片文件夹（{'、'.join(sorted(SUFFIXES))}）；{text} 处没有。",
            )
        for file in files:
            name = file.name.split(".")[0].strip().replace("+", "-").replace(":", "-") or "style"
            number = 2
            while name in out:
                name, number = f"{name.rsplit('-', 1)[0] if number > 2 else name}-{number}", number + 1
            out[name] = str(file.resolve())
    if len(out) > _MOST:
        raise OptionError(
            f"Expected at most {_MOST} styles, received {len(out)}.", f"风格最多 {_MOST} 种，收到 {len(out)} 种。"
        )
    return out


def _check(styles: dict[str, str]) -> None:
    """Raise DataError for a style picture that cannot be read, or is of one colour."""
    for path in styles.values():
        cell = media(path, Path()) or {}
        try:
            pixels = decode(cell)
        except Unreadable as e:
            raise DataError(f"Style picture {path}: {e.words.en}.", f"风格图片 {path}：{e.words.zh}。") from e
        if float(np.std(pixels.astype(np.float32), axis=(0, 1)).max()) < _FLAT:
            if loses_bits(cell):
                raise DataError(
                    f"Style picture {path} holds colour of more than 8 bits a channel, of which only the upper 8 are read, and those "
                    "are of one colour: stretch it to the full range, or save 8 bits a channel.",
                    f"风格图片 {path} 的彩色每通道超过 8 位，只读取高 8 位，而这些位上只有一种颜色：请拉伸到满量程，或另存为每通道 8 位。",
                )
            raise DataError(
                f"Style picture {path} is of one colour, which is no style to take; name another.",
                f"风格图片 {path} 只有一种颜色，没有可取的风格；请换一张。",
            )


TASK = StyleTransfer
