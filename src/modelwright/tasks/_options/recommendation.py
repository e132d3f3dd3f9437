"""Options of a run that are for recommending items."""

from __future__ import annotations

from typing import ClassVar, Literal

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Events(OptionGroup):
    """Who did what, and which events are held out."""

    about: ClassVar[Words] = Words("Events", "事件")
    tasks: ClassVar[tuple[str, ...]] = ("knowledge-tracing", "recommendation")
    named: ClassVar[bool] = True

    user: str | None = option(None, "column that says whose event it is", "用户列", metavar="COLUMN")
    hold_out: Literal["auto", "time", "last", "random"] = option(
        "auto",
        "held out: latest events, last of each user, random",
        "留出：最晚的事件、每人最后一次，或随机",
        metavar="WAY",
    )


class Recommendation(OptionGroup):
    """Which events count, and what the bundle keeps. The column of items is the target."""

    about: ClassVar[Words] = Words("Recommendation", "推荐")
    tasks: ClassVar[tuple[str, ...]] = ("recommendation",)
    named: ClassVar[bool] = True

    rating: str | None = option(
        None, "column that says how much it was liked", "评分列：对物品的喜好程度", metavar="COLUMN"
    )
    at_least: float | None = option(
        None, "only events with at least this rating", "仅采用评分不低于此值的事件", metavar="VALUE"
    )
    items: str | None = option(None, "table of items: any columns", "物品表（任意列）", metavar="FILE")
    users: str | None = option(None, "table of users: any columns", "用户表（任意列）", metavar="FILE")
    histories: bool = option(True, "keep who had what in the bundle", "是否在模型包中保留用户历史")


GROUPS = (Events, Recommendation)
