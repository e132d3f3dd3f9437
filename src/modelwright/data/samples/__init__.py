"""Small real tables to start from: a few written for this project, and those that scikit-learn ships.

Everything here works offline; nothing is downloaded. Each sample has a target column that a first run can name.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from modelwright.core.errors import OptionError, unknown
from modelwright.core.words import Words
from modelwright.data.samples import _shipped

Rows = Iterable[Sequence[object]]


@dataclass(frozen=True)
class Sample:
    """One table: what it is, the column worth predicting, and `rows`, which yields the header and then the rows."""

    words: Words
    target: str
    rows: Callable[[], Rows]


def _packaged(file: str, leave_out: tuple[str, ...] = ()) -> Callable[[], Rows]:
    def rows() -> Iterator[Sequence[object]]:
        text = resources.files(__name__).joinpath(file).read_text(encoding="utf-8")
        reader = csv.reader(io.StringIO(text))
        header = next(reader)
        keep = [i for i, name in enumerate(header) if name not in leave_out]
        yield [header[i] for i in keep]
        for row in reader:
            yield [row[i] for i in keep]

    return rows


_SAMPLES: dict[str, Sample] = {
    "tickets": Sample(
        Words(
            "854 customer-service tickets, half English and half Chinese, in 6 queues; written for this project",
            "854 条客服工单，中英文各半，分属 6 个队列；为本项目撰写",
        ),
        "queue",
        _packaged("tickets.csv", leave_out=("tags",)),
    ),
    "tickets-multilabel": Sample(
        Words(
            "the same tickets with several tags each, separated by `|`",
            "同一批工单，每条带若干标签，以 `|` 分隔",
        ),
        "tags",
        _packaged("tickets.csv", leave_out=("queue",)),
    ),
    "reviews-zh": Sample(
        Words(
            "210 short Chinese reviews with 1 to 5 stars; written for this project",
            "210 条中文短评，带 1 至 5 星评分；为本项目撰写",
        ),
        "stars",
        _packaged("reviews_zh.csv"),
    ),
    "iris": Sample(
        Words(
            "150 flowers of 3 species by 4 lengths (scikit-learn)",
            "150 朵鸢尾花，3 个品种，4 个长度（来自 scikit-learn）",
        ),
        "species",
        _shipped.iris,
    ),
    "wine": Sample(
        Words(
            "178 wines of 3 cultivars by 13 chemical measures (scikit-learn)",
            "178 款葡萄酒，3 个品种，13 项化学指标（来自 scikit-learn）",
        ),
        "cultivar",
        _shipped.wine,
    ),
    "breast-cancer": Sample(
        Words(
            "569 tumours, malignant or benign, by 30 measures of cell nuclei (scikit-learn)",
            "569 例肿瘤，恶性或良性，30 项细胞核指标（来自 scikit-learn）",
        ),
        "diagnosis",
        _shipped.breast_cancer,
    ),
    "diabetes": Sample(
        Words(
            "442 patients, the progression of diabetes after one year, a number (scikit-learn)",
            "442 名患者，一年后的糖尿病进展，数值（来自 scikit-learn）",
        ),
        "progression",
        _shipped.diabetes,
    ),
    "digits": Sample(
        Words(
            "1,797 handwritten digits as 8 x 8 grey values (scikit-learn)",
            "1,797 个手写数字，8 x 8 灰度值（来自 scikit-learn）",
        ),
        "digit",
        _shipped.digits,
    ),
    "digit-pictures": Sample(
        Words(
            "the same digits as pictures in a column of data URLs (scikit-learn; needs the extra `image`)",
            "同样的数字，作为图片存于一列数据 URL 中（来自 scikit-learn；需要扩展 `image`）",
        ),
        "digit",
        _shipped.digit_pictures,
    ),
}


def _get(name: str) -> Sample:
    if name not in _SAMPLES:
        raise unknown(Words("sample", "示例数据"), name, _SAMPLES, OptionError)
    return _SAMPLES[name]


def names() -> tuple[str, ...]:
    """Return the names of all samples, our own first."""
    return tuple(_SAMPLES)


def describe(name: str) -> Words:
    """Return one line about a sample. Raises OptionError, with the nearest names, if there is none of that name."""
    return _get(name).words


def target(name: str) -> str:
    """Return the column worth predicting. Raises OptionError, with the nearest names, if there is no such sample."""
    return _get(name).target


def write(name: str, path: Path, *, overwrite: bool = False) -> Path:
    """Write a sample as UTF-8 and return the file's path; `path` is a file, or a folder to put `<name>.csv` into.

    A file that ends in `.tsv` gets tabs, one that ends in `.csv` commas. The file appears whole or not at all.
    Raises OptionError for an unknown sample, another ending, a folder that does not exist, and a file that is
    already there unless `overwrite`.
    """
    sample = _get(name)
    path = Path(path)
    if path.is_dir():
        path = path / f"{name}.csv"
    separators = {".csv": ",", ".tsv": "\t"}
    if path.suffix.lower() not in separators:
        raise OptionError(
            f"A sample is written as .csv or .tsv, received `{path.name}`. Name the file `{path.stem}.csv`.",
            f"示例数据只写成 .csv 或 .tsv，收到的是 `{path.name}`。请改名为 `{path.stem}.csv`。",
        )
    if not path.parent.is_dir():
        raise OptionError(
            f"The folder `{path.parent}` does not exist. Make it first, or name another one.",
            f"文件夹 `{path.parent}` 不存在。请先创建，或另选一个。",
        )
    if path.exists() and not overwrite:
        raise OptionError(
            f"`{path}` is already there and is not overwritten. Name another file or remove this one.",
            f"`{path}` 已存在，不会被覆盖。请换一个文件名，或先删除它。",
        )
    _write_whole(path, sample.rows(), separators[path.suffix.lower()])
    return path


def _write_whole(path: Path, rows: Rows, separator: str) -> None:
    """Write beside the file and move over it, so that a full disk or Ctrl-C leaves no half of one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    half = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as f:
            csv.writer(f, delimiter=separator, lineterminator="\n").writerows(rows)
        half.chmod(0o644)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
