"""What the tasks over recordings share: the one column of sound, names of speakers' columns."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.core.errors import ColumnError, OptionError
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words

SPEAKER = frozenset(
    "speaker speakerid speakers spk spkid clientid voice reader narrator 说话人 发言人 讲话人 朗读者".split()
)

TEXT = frozenset("text transcript transcription transcripts sentence sentences normalized normalised spoken utterance words "
                  "文本 转写 转写文本 文字 句子 内容".split())  # fmt: skip

# ISO 639-1, and names that people write in their place
_CODES = frozenset("aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi "
                   "fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw "
                   "ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro "
                   "ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi "
                   "yo za zh zu".split())  # fmt: skip
_NAMED = {
    "english": "en", "chinese": "zh", "mandarin": "zh", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "portuguese": "pt",
    "dutch": "nl", "russian": "ru", "polish": "pl", "swedish": "sv", "turkish": "tr", "japanese": "ja", "korean": "ko", "arabic": "ar",
    "中文": "zh", "汉语": "zh", "普通话": "zh", "英语": "en", "英文": "en", "cn": "zh", "cmn": "zh",
}  # fmt: skip


def language_code(named: str | None) -> str:
    """Return the code of a language as ISO 639 has it, small and without a region (`zh-CN` is `zh`); empty where none is named.

    Raises OptionError for what is no code; three letters (`yue`) may be any language of ISO 639-3.
    """
    if not named or not named.strip():
        return ""
    head, *regions = re.split(r"[-_]", named.strip().lower())
    if all(re.fullmatch(r"[a-z0-9]{2,8}", r) for r in regions):
        if head in _CODES or (re.fullmatch(r"[a-z]{3}", head) and head not in _NAMED):
            return head
        if head in ("cn", "cmn"):
            return "zh"
    like = _NAMED.get(head) or next((_NAMED[n] for n in difflib.get_close_matches(head, _NAMED, 1, 0.75)), None)
    en, zh = (f" Did you mean {like}?", f"是否指 {like}？") if like else ("", "")
    raise OptionError(
        f"Expected for --language a code of ISO 639 such as en, zh or de, received `{named[:40]}`.{en}",
        f"--language 应为 ISO 639 语言代码，如 en、zh、de，收到的是 `{named[:40]}`。{zh}",
    )


def empty(table: Table, column: str) -> list[tuple[int, str, Words]]:
    """Return the rows that lack a recording, as `Task.refused` names them."""
    words = Words("expected a recording, and there is none", "应为录音，内容为空")
    return [(int(i), column, words) for i in np.flatnonzero(table.column(column).is_null())]


def plain(name: str) -> str:
    """Return a column's name as it is compared: letters alone, small."""
    return re.sub(r"[\W_]", "", name).lower()


def speaker_of(names: Sequence[str]) -> str | None:
    """Return the first column that is called as columns of speakers are."""
    return next((n for n in names if plain(n) in SPEAKER), None)


def one_recording(schema: Schema, reason: Words) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the one column of recordings, and changes that ignore the other inputs for a reason. Raises ColumnError."""
    target = schema.target
    recordings = [c.name for c in schema.inputs if c.modality == "audio"]
    if len(recordings) != 1:
        shown = ", ".join(f"{c.name} ({c.modality})" for c in schema if c is not target)[:300]
        raise ColumnError(
            f"Expected one column of recordings (WAV, FLAC, MP3, OGG), found {len(recordings)}. The columns are: {shown}. "
            "Leave others out with --ignore, or say which it is with --column NAME=audio.",
            f"应有一列录音（WAV、FLAC、MP3、OGG），找到 {len(recordings)} 列。现有的列：{shown}。可用 --ignore 忽略其他列，或用 --column 列名=audio 指定。",
        )
    others = (c.name for c in schema.inputs if c.name != recordings[0])
    return recordings[0], {name: {"role": "ignored", "reason": reason} for name in others}
