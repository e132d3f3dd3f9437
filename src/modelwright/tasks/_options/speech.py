"""Options of a run that are for writing down what is said."""

from __future__ import annotations

from typing import ClassVar, Literal

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Speech(OptionGroup):
    """By which rules transcripts are written, for training and for every metric."""

    about: ClassVar[Words] = Words("Speech", "语音")
    tasks: ClassVar[tuple[str, ...]] = ("automatic-speech-recognition",)
    named: ClassVar[bool] = True

    language: str | None = option(
        None, "language of the transcripts: en, zh, de ...", "转写文本的语言：en、zh、de ……", metavar="CODE"
    )
    speaker: str | None = option(
        None,
        "column of speakers, none is split; or `none`",
        "说话人列；同一人不会被分开（none：随机）",
        metavar="COLUMN",
    )
    lm: str | None = option(None, "text or ARPA file of a language model", "语言模型：文本或 ARPA 文件", metavar="FILE")
    case: Literal["lower", "keep"] = option("lower", "letters: lower, keep", "字母大小写：lower、keep", metavar="WAY")
    punctuation: Literal["drop", "keep"] = option("drop", "punctuation: drop, keep", "标点：drop、keep", metavar="WAY")
    numbers: Literal["spoken", "keep"] = option(
        "spoken", "digits: spoken (in words), keep", "数字：spoken（读作文字）、keep", metavar="WAY"
    )
    full_width: Literal["half", "keep"] = option(
        "half", "full-width forms: half, keep", "全角字符：half、keep", metavar="WAY"
    )


GROUPS = (Speech,)
