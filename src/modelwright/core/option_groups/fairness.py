"""Groups of people that are compared, and what is done against gaps between them."""

from __future__ import annotations

from typing import ClassVar, Literal

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Fairness(OptionGroup):
    """Which groups are compared."""

    about: ClassVar[Words] = Words("Fairness", "公平性")

    sensitive: list[str] = option(
        [], "column whose groups are compared (may repeat)", "比较各组公平性的列（可重复）", metavar="COLUMN"
    )
    sensitive_input: bool = option(False, "use it as an input too", "仍作为输入")
    favourable: str | None = option(None, "the favourable label", "有利的标签", metavar="LABEL")
    mitigate: Literal["none", "reweigh", "thresholds"] = option(
        "none",
        "against gaps: none, reweigh, thresholds",
        "缩小组间差距：none、reweigh、thresholds",
        metavar="WAY",
    )
