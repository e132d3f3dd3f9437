"""What is to be predicted, and what each column is for."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Roles(OptionGroup):
    """The target, and the roles of the other columns."""

    about: ClassVar[Words] = Words("Target and columns", "目标与列")

    target: str | None = option(
        None,
        "column to predict, or several, 0 or 1 by label",
        "要预测的列，或以 0/1 表示各标签的多列",
        "--target",
        "-t",
        metavar="COLUMN",
        several=True,
    )
    task: str | None = option(
        None, "task; chosen from the target if not given", "任务；默认由目标列决定", metavar="TASK"
    )
    column: dict[str, str] = option(
        {}, "say what a column holds", "指定列的模态", "--column", "-c", metavar="NAME=MODALITY"
    )
    ignore: list[str] = option([], "column to leave out", "要忽略的列", metavar="COLUMN")
    na: list[str] = option(
        [],
        "number that stands for no value: -999 or x=-999",
        "表示缺失的数字：-999 或 x=-999",
        metavar="NUMBER",
    )
    group: str | None = option(
        None, "column of groups; one group is never split", "分组列：同组的行不会被分开", metavar="COLUMN"
    )
    time: str | None = option(
        None, "time column: later rows are held out", "时间列：较晚的数据留作测试", metavar="COLUMN"
    )
    weight: str | None = option(
        None, "column of how much each row counts in training", "每行在训练中权重所在的列", metavar="COLUMN"
    )
