"""Options of a run that are for telling voices apart."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Voices(OptionGroup):
    """How many other speakers may be taken for the one who was enrolled."""

    about: ClassVar[Words] = Words("Speakers told apart", "声纹")
    tasks: ClassVar[tuple[str, ...]] = ("speaker-verification",)
    named: ClassVar[bool] = True

    false_accepts: str = option(
        "1%", "share of other speakers that may be accepted (1%)", "允许误接受的其他说话人比例（1%）", metavar="SHARE"
    )


GROUPS = (Voices,)
