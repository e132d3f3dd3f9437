"""Whether a transcript can be said in the time that its recording takes: others belong to other recordings, or were cut wrongly."""

from __future__ import annotations

import re

import numpy as np

from modelwright.core.schema import Table
from modelwright.core.words import Words, counted
from modelwright.data.kinds.audio import facts
from modelwright.data.kinds.base import Unreadable

_SIGNS, _LETTERS = 12.0, 35.0  # Han characters, and other letters, that the fastest speakers say in a second
_SPARE = 0.3  # seconds that are forgiven
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_SHOWN = 5


def least_seconds(text: str) -> float:
    """Return the seconds that saying a text takes at least."""
    letters = sum(c.isalnum() for c in text)
    signs = len(_HAN.findall(text))
    return signs / _SIGNS + (letters - signs) / _LETTERS


def in_time(table: Table) -> tuple[Table, Words | None]:
    """Return the rows whose transcript fits into its recording, and what is to be said of the others."""
    text, column = (
        next((c.name for c in table.schema if c.modality == kind and c.role in ("input", "target")), None)
        for kind in ("text", "audio")
    )
    if text is None or column is None:
        return table, None
    bad: list[int] = []
    told: list[str] = []
    pairs = zip(table.column(column).to_pylist(), table.column(text).to_pylist(), strict=True)
    for i, (cell, said) in enumerate(pairs):
        if cell is None or said is None:
            continue
        try:
            seconds = facts(cell)[1]
        except Unreadable:  # named where cells are read
            continue
        if least_seconds(said) > seconds + _SPARE:
            bad.append(i)
            told.append(f"{table.rows[i]} ({len(said)} / {seconds:.1f} s)")
    if not bad:
        return table, None
    shown = ", ".join(told[:_SHOWN]) + (" ..." if len(told) > _SHOWN else "")
    words = Words(
        f"Longer than can be said in the time of the recording, and left out: {counted(len(bad), 'transcript')} of {table.source}, "
        f"row (characters / seconds) {shown}.",
        f"{table.source} 中有 {len(bad)} 条转写文本过长，在录音的时长内不可能说完，已略去：行（字符数 / 秒）{shown}。",
    )
    return table.take(np.setdiff1d(np.arange(len(table)), bad)), words
