"""Options of a run that are for tracing what learners know."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class KnowledgeTracing(OptionGroup):
    """What was practised. The target says whether the answer was right."""

    about: ClassVar[Words] = Words("Knowledge tracing", "知识追踪")
    tasks: ClassVar[tuple[str, ...]] = ("knowledge-tracing",)
    named: ClassVar[bool] = True

    skill: str | None = option(None, "column that names what was practised", "技能列：所练习的技能", metavar="COLUMN")


GROUPS = (KnowledgeTracing,)
