"""Options of a run that are for answering questions from documents."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Answering(OptionGroup):
    """When to refuse an answer."""

    about: ClassVar[Words] = Words("Answers from documents", "文档问答")
    tasks: ClassVar[tuple[str, ...]] = ("question-answering",)
    named: ClassVar[bool] = True

    wrong: float | None = option(
        None,
        "unanswerable questions that may be answered (0.1)",
        "无答案问题中允许误答的比例（0.1）",
        metavar="SHARE",
        gt=0,
        lt=1,
    )


GROUPS = (Answering,)
