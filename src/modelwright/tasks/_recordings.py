"""What the tasks over recordings share: the one column of sound, names of speakers' columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from modelwright.core.errors import ColumnError
from modelwright.core.schema import Schema
from modelwright.core.words import Words

SPEAKER = frozenset(
    "speaker speakerid speakers spk spkid clientid voice reader narrator 说话人 发言人 讲话人 朗读者".split()
)

TEXT = frozenset("text transcript transcription transcripts sentence sentences normalized normalised spoken utterance words "
                  "文本 转写 转写文本 文字 句子 内容".split())  # fmt: skip


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
