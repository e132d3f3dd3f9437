"""Pictures that were made, each beside the training picture that is nearest to it, and whether training pictures are given again."""

from __future__ import annotations

import time

import numpy as np

from modelwright.core.answers.media import file_bytes
from modelwright.core.facts.details import PictureFact
from modelwright.core.judged import Judged
from modelwright.core.recipe import Model
from modelwright.core.schema import Table
from modelwright.core.task import Section
from modelwright.core.words import Words
from modelwright.data.colour import in_channels
from modelwright.data.kinds.image import decode
from modelwright.evaluate.metrics.generated import copied, rows_of
from modelwright.evaluate.report.compared import data_url

_MOST = 16  # pictures
_LOOKED = 4000  # training pictures among which the nearest is sought
_SHOWN = 96  # pixels of what is shown


def sections(model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
    """Return made pictures beside the nearest training pictures, and the test of memorisation in words."""
    until = time.monotonic() + seconds
    rows = test.take(np.arange(min(_MOST, len(test))))
    made = [decode({"path": None, "bytes": file_bytes(s), "digest": "", "how": None}) for s in model.scores(rows)[:, 0]]
    target = develop.schema.target
    assert target is not None
    column = develop.column(target.name)
    some = np.flatnonzero(np.asarray(column.is_valid()))[:_LOOKED]
    small, places = list[np.ndarray](), list[int]()
    for i in some:
        if time.monotonic() > until and small:
            break
        small.append(_vector(decode(column[int(i)].as_py())))
        places.append(int(i))
    ground = np.stack(small)
    asked = getattr(getattr(model, "told", None), "column", "")
    names = rows.cells(asked)
    pictures: list[PictureFact] = []
    for pixels, name in zip(made, names, strict=True):
        at = int(((ground - _vector(pixels)[None]) ** 2).sum(1).argmin())
        near = decode(column[places[at]].as_py())
        title = "" if name is None else str(name)
        pictures.append({"title": [title, title], "after": _as_data_url(pixels), "wanted": _as_data_url(near)})
    return [
        Section(
            "made", Words("Pictures that were made", "生成的图片"), _words(judged), (), [], private=True, pictures=tuple(pictures),
        )
    ]  # fmt: skip


def _vector(pixels: np.ndarray) -> np.ndarray:
    """Return a picture as few numbers by which two are near each other."""
    from PIL import Image

    small = Image.fromarray(in_channels(pixels, 3)).resize((16, 16), Image.Resampling.BOX)
    found: np.ndarray = np.asarray(small, np.float32).ravel() / 255.0
    return found


def _words(judged: Judged) -> Words:
    rows = rows_of(judged)
    value, looked = copied(rows), sum("made" in r for r in rows)
    en = "On the right of each, the training picture that is nearest to it."
    zh = "每张图右侧为与其最接近的训练图片。"
    if looked < len(rows):
        en += f" The figures are of {looked:,} of the {len(rows):,} test rows."
        zh += f"指标取自 {len(rows):,} 行测试数据中的 {looked:,} 行。"
    if np.isfinite(value):
        en += f" A made picture lies nearer to a training picture than training pictures lie to each other in {value:.0%} of the cases; a half is what new pictures have, well above it is copying."
        zh += f"生成图比训练图片彼此之间更接近训练图片的概率为 {value:.0%}；新图应为一半，明显高于一半即为照抄。"
    return Words(en, zh)


def _as_data_url(pixels: np.ndarray) -> str:
    from PIL import Image

    picture = Image.fromarray(in_channels(pixels, 3))
    times = max(1, _SHOWN // max(picture.size))
    if times > 1:
        picture = picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
    picture.thumbnail((_SHOWN, _SHOWN))
    return data_url(np.asarray(picture))
