"""Options of a run that are for finding anomalies."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Anomalies(OptionGroup):
    """How many false alarms there may be, and how a series is read."""

    about: ClassVar[Words] = Words("Anomalies", "异常检测")
    tasks: ClassVar[tuple[str, ...]] = ("anomaly-detection",)
    named: ClassVar[bool] = True

    false_alarms: str = option(
        "1%", "share of usual rows that may raise an alarm (1%)", "正常数据中允许报警的比例（1%）", metavar="SHARE"
    )
    normal: str | None = option(None, "label that means nothing is unusual", "表示正常的标签", metavar="LABEL")
    machine: str | None = option(
        None, "column that says whose series a row is of", "行所属序列的列（如设备编号）", metavar="COLUMN"
    )
    period: int | None = option(
        None,
        "rows of a season, 0 for none; found if not said",
        "一个周期的行数，0 表示无；缺省自动识别",
        metavar="ROWS",
        ge=0,
    )


GROUPS = (Anomalies,)
