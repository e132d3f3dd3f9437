"""Options of a run that are for making pictures."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Generation(OptionGroup):
    """How large pictures are made, and whether a second network learns to make them in few steps."""

    about: ClassVar[Words] = Words("Image generation", "图像生成")
    tasks: ClassVar[tuple[str, ...]] = ("unconditional-image-generation", "text-to-image")
    named: ClassVar[bool] = True

    resolution: int | None = option(
        None, "pixels at a side of pictures that are made", "生成图片的边长（像素）", metavar="N", ge=8, le=512
    )
    few_steps: bool = option(False, "learn to answer in 4 steps, too", "另学一个只需 4 步的网络")


GROUPS = (Generation,)
