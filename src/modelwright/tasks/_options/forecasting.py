"""Options of a run that are for forecasting series."""

from __future__ import annotations

from typing import ClassVar, Literal

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Forecasting(OptionGroup):
    """How far ahead, and how the rows are series. The values are the target, their times are named by --time."""

    about: ClassVar[Words] = Words("Forecasting", "时间序列预测")
    tasks: ClassVar[tuple[str, ...]] = ("time-series-forecasting",)
    named: ClassVar[bool] = True

    horizon: int | None = option(None, "steps to look ahead", "向前预测的步数", metavar="STEPS", ge=1, le=10_000)
    frequency: str | None = option(
        None,
        "distance: h, D, W, M, 15min, W-FRI, Q-MAR (found)",
        "间隔：h、D、M、15min、W-FRI、Q-MAR（默认自动识别）",
        metavar="UNIT",
    )
    season: int | None = option(
        None, "steps of the season (by frequency)", "季节步数（默认按间隔）", metavar="STEPS", ge=1
    )
    key: list[str] = option(
        [], "column that tells series apart; repeatable", "区分各序列的列；可重复", metavar="COLUMN"
    )
    known: list[str] = option(
        [], "column known ahead, such as prices; repeatable", "未来已知的列，如价格；可重复", metavar="COLUMN"
    )
    totals: bool = option(
        False, "also forecast sums over the keys, made to add up", "同时预测各键的合计，并使其相加一致"
    )
    holidays: str | None = option(
        None, "country of holidays: CN (with moved days), US ...", "节假日国家，如 CN（含调休）", metavar="CODE"
    )
    fill: Literal["linear", "zero", "previous", "mean", "seasonal", "refuse"] = option(
        "linear", "how periods without a value are filled", "缺失周期的填补方式", metavar="WAY"
    )
    duplicates: Literal["mean", "sum", "last", "refuse"] = option(
        "mean", "what counts of several values of one period", "同一周期多个值的取法", metavar="WAY"
    )
    quantiles: list[float] = option(
        [], "level of a quantile, 0 to 1; repeatable", "分位数水平，0 到 1；可重复", metavar="LEVEL"
    )
    windows: int | None = option(
        None, "stretches that validate, each a horizon long", "用于验证的区段数，每段一个预测期", metavar="COUNT", ge=1
    )
    gap: int = option(0, "steps that are not judged before those that are", "评估前空出的步数", metavar="STEPS", ge=0)
    recent: bool = option(True, "keep the latest values in the bundle", "是否在模型包中保留最近的值")


GROUPS = (Forecasting,)
