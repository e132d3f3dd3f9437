"""What marks by rubric rest on: places of the text that raise or lower each criterion's mark, and a sentence that says so.

Legend: N rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelwright.core.answers.ordered import OrderedCodec, RankCodec, mean_rank
from modelwright.core.recipe import Model
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.evaluate.explain.attribution import Attribution
from modelwright.evaluate.explain.rows import explain_row

_TOLD = 3  # places that a sentence quotes
_LONGEST = 40  # characters of one
_STRONG, _FAIR = 0.75, 0.4  # share of the scale from which a mark is strong, or fair
_LETTERS = re.compile(r"[^\W\d_]")


def places(
    model: Model, table: Table, inputs: Schema, codec: OrderedCodec, seconds: float, top: int = 12
) -> list[Attribution]:
    """Return what raises (above 0) and lowers (below 0) the mark of a table of one row, in steps, the strongest first."""
    inner = getattr(model, "model", None)

    def rank(rows: Table) -> np.ndarray:
        if inner is not None:
            return np.asarray(inner.scores(rows)[:, :1], np.float64)
        return mean_rank(np.asarray(model.scores(rows), np.float64))[:, None]

    found = explain_row(rank, table, inputs, RankCodec(codec), model=inner, top=top, seconds=seconds)
    return joined(found, {c.name: table.column(c.name)[0].as_py() for c in inputs if c.modality == "text"})


def joined(found: Sequence[Attribution], texts: Mapping[str, str | None]) -> list[Attribution]:
    """Return places with those that touch and point the same way taken together: the characters of a Chinese word, say."""
    spots = sorted(
        (a for a in found if a.start is not None and a.end is not None), key=lambda a: (a.column, a.start or 0)
    )
    out: list[Attribution] = []
    for spot in spots:
        last = out[-1] if out else None
        if last is not None and last.column == spot.column and last.end == spot.start and last.weight * spot.weight > 0:
            text = str(texts[spot.column])[last.start : spot.end]
            out[-1] = Attribution(spot.column, last.start, spot.end, text, last.weight + spot.weight)
        else:
            out.append(spot)
    return sorted([*out, *(a for a in found if a.start is None)], key=lambda a: -abs(a.weight))


def sentence(mark: Any, place: int, codec: OrderedCodec, found: Sequence[Attribution]) -> Words:
    """Return feedback on one criterion in words: how high the mark at `place` stands, and which places speak for it and against it."""
    level = place / max(1, codec.outputs - 1)
    how = (
        Words("strong", "优秀") if level >= _STRONG else Words("on the way", "尚可") if level >= _FAIR else Words("needs work", "有待提高")
    )  # fmt: skip
    most = codec.labels[-1]
    en, zh = f"{mark} of {most}: {how.en}.", f"{mark} 分（满分 {most}）：{how.zh}。"
    for sign, words in (
        (1, Words("What speaks for it most", "主要加分之处")),
        (-1, Words("What counts against it most", "主要失分之处")),
    ):
        quoted = [
            a.text.strip()[:_LONGEST]
            for a in found
            if sign * a.weight > 0 and a.start is not None and _LETTERS.search(a.text)
        ]
        quoted = list(dict.fromkeys(quoted))[:_TOLD]
        if quoted:
            en += f" {words.en}: {', '.join(f'“{q}”' for q in quoted)}."
            zh += f"{words.zh}：{'、'.join(f'“{q}”' for q in quoted)}。"
    return Words(en, zh)
