"""Options of a run that are for writing down what is said."""

from __future__ import annotations

from typing import ClassVar, Literal

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Spoken(OptionGroup):
    """In which language is spoken, and by whom."""

    about: ClassVar[Words] = Words("Speech", "语音")
    tasks: ClassVar[tuple[str, ...]] = ("automatic-speech-recognition", "text-to-speech")
    named: ClassVar[bool] = True

    language: str | None = option(
        None, "language of the texts: en, zh, de ...", "文本的语言：en、zh、de……", metavar="CODE"
    )
    speaker: str | None = option(
        None,
        "column of speakers, or `none`",
        "说话人列（或 none）",
        metavar="COLUMN",
    )


class Speech(OptionGroup):
    """By which rules transcripts are written, for training and for every metric."""

    about: ClassVar[Words] = Words("Transcripts", "转写文本")
    tasks: ClassVar[tuple[str, ...]] = ("automatic-speech-recognition",)
    named: ClassVar[bool] = True

    lm: str | None = option(None, "text or ARPA file of a language model", "语言模型：文本或 ARPA 文件", metavar="FILE")
    case: Literal["lower", "keep"] = option("lower", "letters: lower, keep", "字母大小写：lower、keep", metavar="WAY")
    punctuation: Literal["drop", "keep"] = option("drop", "punctuation: drop, keep", "标点：drop、keep", metavar="WAY")
    numbers: Literal["spoken", "keep"] = option(
        "spoken", "digits: spoken (in words), keep", "数字：spoken（读作文字）、keep", metavar="WAY"
    )
    full_width: Literal["half", "keep"] = option(
        "half", "full-width forms: half, keep", "全角字符：half、keep", metavar="WAY"
    )


class Voices(OptionGroup):
    """Whose voice is learnt."""

    about: ClassVar[Words] = Words("Voices", "声音")
    tasks: ClassVar[tuple[str, ...]] = ("text-to-speech",)
    named: ClassVar[bool] = True

    voice_consent: str | None = option(
        None,
        "whose voice, where agreed to; or `synthetic`",
        "声音属于谁、同意记录在何处；或 synthetic",
        metavar="WORDS",
    )
    voice_vectors: str | None = option(
        None,
        "speaker vectors of a SpeechT5 voice (.npy)",
        "SpeechT5 声音的说话人向量（.npy）",
        metavar="FILE_OR_FOLDER",
    )
    hears: str | None = option(
        None,
        "recogniser that tells how much is understood",
        "评判可懂度的语音识别模型",
        metavar="MODEL",
    )


GROUPS = (Spoken, Speech, Voices)
