"""Options of a run that are for pictures made of pictures."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class PicturePairs(OptionGroup):
    """What is done to good pictures so that the way back can be learnt."""

    about: ClassVar[Words] = Words("Pictures from pictures", "图像到图像")
    tasks: ClassVar[tuple[str, ...]] = ("image-to-image",)
    named: ClassVar[bool] = True

    degrade: str | None = option(
        None,
        "make good pictures worse: bicubic x2, noise 25",
        "将好图变差以供学习，如 bicubic x2、noise 25",
        metavar="HOW",
    )
    lpips: str | None = option(
        None,
        "network for LPIPS: folder or efficientnet-lite0",
        "计算 LPIPS 的网络：文件夹或 efficientnet-lite0",
        metavar="MODEL",
    )


GROUPS = (PicturePairs,)
