"""Options of a run that are for painting pictures in a style."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Styles(OptionGroup):
    """The pictures whose style is taken."""

    about: ClassVar[Words] = Words("Style transfer", "风格迁移")
    tasks: ClassVar[tuple[str, ...]] = ("style-transfer",)
    named: ClassVar[bool] = True

    style: list[str] = option(
        [], "picture whose style is taken, or a folder of them", "提供风格的图片，或其文件夹", metavar="PATH"
    )


GROUPS = (Styles,)
