"""Options of a run that are for recommending items."""

from __future__ import annotations

from typing import ClassVar, Literal

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Recommendation(OptionGroup):
    """Which events count, and which of them are held out. The column of items is the target."""

    about: ClassVar[Words] = Words("Recommendation", "推荐")
    tasks: ClassVar[tuple[str, ...]] = ("recommendation",)
    named: ClassVar[bool] = True

    user: str | None = option(None, "column that says whose event it is", "用户列", metavar="COLUMN")
    rating: str | None = option(
        None, "column that says how much it was liked", "评分列：对物品的喜好程度", metavar="COLUMN"
    )
    at_least: float | None = option(
        None, "only events whose rating is at least this", "仅采用评分不低于此值的事件", metavar="VALUE"
    )
    hold_out: Literal["auto", "time", "last", "random"] = option(
        "auto",
        "what is held out: auto is time where there is a column of times, else random; the latest events of all (time), each user's last event (last), some of each user's (random)",
        "留出部分：auto 在有时间列时为 time，否则为 random；time 为全体最晚的事件，last 为每位用户的最后一次，random 为每位用户的部分事件",
        metavar="WAY",
    )
    histories: bool = option(
        True,
        "keep in the bundle which user had which items, so that a user id is answered; else histories come with the request",
        "在模型包中保留用户的历史，以便按用户 id 推荐；否则每次请求须附上历史",
    )


GROUPS = (Recommendation,)
