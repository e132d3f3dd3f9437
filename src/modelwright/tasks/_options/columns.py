"""Options of a run that are for columns of series, sound and molecules."""

from __future__ import annotations

from typing import ClassVar, Literal

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words

_OF_COLUMNS = (
    "classification",
    "multi-label-classification",
    "ordinal",
    "regression",
)  # tasks over columns of any kind


class Series(OptionGroup):
    """Series that lie spread over columns or rows."""

    about: ClassVar[Words] = Words("Series", "序列")
    tasks: ClassVar[tuple[str, ...]] = _OF_COLUMNS

    series: list[str] = option(
        [], "gather columns (or NAME=x_*;y_*) into a series", "把多列合成序列", metavar="NAME=FIRST..LAST"
    )
    series_id: str | None = option(
        None, "long tables: column that names a row's series", "长表：行所属序列的列", metavar="COLUMN"
    )
    series_time: str | None = option(
        None, "long tables: column that orders a series", "长表：序列内排序的列", metavar="COLUMN"
    )


class Sound(OptionGroup):
    """Recordings of several channels."""

    about: ClassVar[Words] = Words("Sound", "音频")
    tasks: ClassVar[tuple[str, ...]] = _OF_COLUMNS

    channel: str | None = option(
        None,
        "channel: 1, 2, ..., left, right, mean, louder",
        "声道：1、2…，或 left、right、mean、louder",
        metavar="WHICH",
    )


class Molecules(OptionGroup):
    """How molecules are held out."""

    about: ClassVar[Words] = Words("Molecules", "分子")
    tasks: ClassVar[tuple[str, ...]] = _OF_COLUMNS

    split: Literal["random", "scaffold"] = option(
        "random", "random, or scaffold for molecules", "random，或 scaffold（按分子骨架划分）", metavar="WAY"
    )


GROUPS = (Series, Sound, Molecules)
