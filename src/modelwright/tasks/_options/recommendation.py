"""Options of a run that are for events: recommending items, telling which will be clicked, tracing what learners know."""

from __future__ import annotations

from typing import ClassVar, Literal

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Events(OptionGroup):
    """Who did what, and which events are held out."""

    about: ClassVar[Words] = Words("Events", "事件")
    tasks: ClassVar[tuple[str, ...]] = ("click-through", "knowledge-tracing", "recommendation")
    named: ClassVar[bool] = True

    user: str | None = option(None, "column that says whose event it is", "用户列", metavar="COLUMN")
    hold_out: Literal["auto", "time", "last", "random"] = option(
        "auto",
        "held out: latest events, last of each user, random",
        "留出：最晚的事件、每人最后一次，或随机",
        metavar="WAY",
    )


class Items(OptionGroup):
    """Which events count, and what is known of items and users."""

    about: ClassVar[Words] = Words("Items and users", "物品与用户")
    tasks: ClassVar[tuple[str, ...]] = ("click-through", "recommendation")
    named: ClassVar[bool] = True

    at_least: float | None = option(
        None, "the rating from which an event counts", "评分不低于此值的事件才算数", metavar="VALUE"
    )
    items: str | None = option(None, "table of items: any columns", "物品表（任意列）", metavar="FILE")
    users: str | None = option(None, "table of users: any columns", "用户表（任意列）", metavar="FILE")


class ClickThrough(OptionGroup):
    """Which column names what was shown. The target says whether it was clicked."""

    about: ClassVar[Words] = Words("Click-through", "点击率")
    tasks: ClassVar[tuple[str, ...]] = ("click-through",)
    named: ClassVar[bool] = True

    item: str | None = option(None, "column that names what was shown", "物品列：展示的物品", metavar="COLUMN")


class Recommendation(OptionGroup):
    """What is recommended from, and what the bundle keeps. The column of items is the target."""

    about: ClassVar[Words] = Words("Recommendation", "推荐")
    tasks: ClassVar[tuple[str, ...]] = ("recommendation",)
    named: ClassVar[bool] = True

    rating: str | None = option(
        None, "column that says how much it was liked", "评分列：对物品的喜好程度", metavar="COLUMN"
    )
    histories: bool = option(True, "keep who had what in the bundle", "是否在模型包中保留用户历史")


GROUPS = (Events, Items, ClickThrough, Recommendation)
