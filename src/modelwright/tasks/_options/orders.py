"""Options of a run that are for ordering a quantity."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Orders(OptionGroup):
    """What a unit too much and a unit too little cost: answers say how much to order."""

    about: ClassVar[Words] = Words("Quantities to order", "订货数量")
    tasks: ClassVar[tuple[str, ...]] = ("regression", "time-series-forecasting")

    too_much: float | None = option(None, "cost of a unit too much", "多一单位的代价", metavar="COST", ge=0)
    too_little: float | None = option(None, "cost of a unit too little", "少一单位的代价", metavar="COST", ge=0)


GROUPS = (Orders,)
