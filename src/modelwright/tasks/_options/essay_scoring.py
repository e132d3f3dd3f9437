"""Options of a run that are for marks by rubric."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class EssayScoring(OptionGroup):
    """The columns of marks. The target is the first of them."""

    about: ClassVar[Words] = Words("Marks by rubric", "按标准评分")
    tasks: ClassVar[tuple[str, ...]] = ("essay-scoring",)
    named: ClassVar[bool] = True

    rubric: list[str] = option([], "a further column of marks", "另一个评分列", metavar="COLUMN")


GROUPS = (EssayScoring,)
