"""Pairs of pictures as a run takes them: made by degrading good ones, looked at, and set aside where they do not fit together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import DataError
from modelwright.core.schema import MEDIA, Column, Schema, Table
from modelwright.core.words import Words, counted
from modelwright.data.degrade import Step, parse_degrade, shrinks
from modelwright.data.finding import Finding
from modelwright.data.kinds.base import Unreadable, how_of
from modelwright.data.kinds.image import looked
from modelwright.data.pairs import GIVEN

LEAST = 8  # pixels of the shorter side of a picture that is given
_LARGEST = 8  # times that a picture may be made larger
_SHOWN = 5

Size = tuple[int, int, int, int]  # height, width, channels, frames


@dataclass(frozen=True)
class _Pair:
    """What the heads of two files say; `why` where one cannot be read or is missing."""

    given: Size = (0, 0, 0, 0)
    wanted: Size = (0, 0, 0, 0)
    why: Words | None = None

    @property
    def scale(self) -> int | None:
        """How many times as large the wanted picture is; None where the two do not fit together."""
        (h, w, *_), (height, width, *_) = self.given, self.wanted
        if self.why is not None or not h or not w:
            return None
        scale = height // h
        return scale if 1 <= scale <= _LARGEST and (h * scale, w * scale) == (height, width) else None

    @property
    def shown(self) -> Words:
        """Why the two do not fit together, in a few words."""
        sizes = f"{self.given[1]} x {self.given[0]} -> {self.wanted[1]} x {self.wanted[0]}"
        return self.why or Words(sizes, sizes)


def with_place(schema: Schema) -> Schema:
    """Return a schema with a place for the pictures that are made worse; official test rows may bring their own."""
    name = GIVEN if GIVEN not in schema else f"{GIVEN}_given"
    return Schema((Column(name, "image", "ignored"), *schema))


def made_worse(table: Table, degrade: str, seed: int) -> Table:
    """Return rows whose given pictures, where they have none, are the wanted ones made worse: their cells say how, and are degraded
    when they are decoded."""
    steps = parse_degrade(degrade)
    target, place = table.schema.target, table.schema.columns[0]
    assert target is not None
    given, wanted = table.column(place.name), table.column(target.name)
    own = np.asarray(given.is_valid())
    hows, digests = [], []
    told = zip(wanted.field("digest").to_pylist(), wanted.field("how").to_pylist(), table.rows, strict=True)
    for digest, how, row in told:
        seeded = {"degrade": " + ".join(map(str, steps)), "seed": seed * 1_000_003 + int(row)}
        hows.append(json.dumps({**(json.loads(how) if how else {}), **seeded}, sort_keys=True))
        digests.append(f"{digest} {hows[-1]}")
    fields = [wanted.field("path"), wanted.field("bytes"), pa.array(digests, pa.string()), pa.array(hows, pa.string())]
    made = pa.StructArray.from_arrays(fields, fields=list(MEDIA), mask=wanted.is_null())
    if own.any():
        both = pa.chunked_array([given, made]).combine_chunks()
        made = both.take(pa.array(np.where(own, 0, len(table)) + np.arange(len(table))))
    data = table.data.set_column(table.data.column_names.index(place.name), place.name, made)
    schema = table.schema.with_column(place.name, role="input", options={"degrade": degrade})
    return Table(data, schema, table.rows, table.source)


def paired(table: Table) -> tuple[Table, Words | None]:
    """Return the rows whose two pictures fit together, with scale and channels as options of the input, and what is to be said of
    the others. Raises DataError where none is left."""
    given, target = table.schema.inputs[0], table.schema.target
    assert target is not None
    degrade = given.options.get("degrade")
    steps = parse_degrade(degrade) if degrade else ()
    pairs = [_pair(a, b, steps) for a, b in zip(table.column(given.name), table.column(target.name), strict=True)]
    small = [i for i, p in enumerate(pairs) if p.why is None and min(p.given[:2]) < LEAST]
    gone = set(small)
    scales = Counter(p.scale for i, p in enumerate(pairs) if p.scale is not None and i not in gone)
    if not scales:
        raise _none_fits(table, given.name, pairs)
    scale = scales.most_common(1)[0][0]
    kept = [i for i, p in enumerate(pairs) if p.scale == scale and i not in gone]
    bad = [i for i, p in enumerate(pairs) if p.why is not None]
    unlike = [i for i, p in enumerate(pairs) if p.why is None and p.scale != scale and i not in gone]
    moving = [i for i in kept if max(pairs[i].given[3], pairs[i].wanted[3]) > 1]
    size = Words(f"{scale} times as large as the given one", f"不是输入的 {scale} 倍大")
    if scale == 1:
        size = Words("of the given one's size", "与输入尺寸不同")
    channels = [max(pairs[i].given[2] for i in kept), max(pairs[i].wanted[2] for i in kept)]
    schema = table.schema.with_column(given.name, options={**given.options, "scale": scale, "channels": channels})
    said = [
        _sentence_on(
            table, target.name, bad, [pairs[i].shown for i in bad],
            Words(f"{_pairs(bad)} left out, since one of the two cannot be had", "对图片已排除，因为其中一张缺失或无法读取"),
        ),
        _sentence_on(
            table, target.name, unlike, [pairs[i].shown for i in unlike],
            Words(f"{_pairs(unlike)} left out, since the wanted picture is not {size.en}", f"对图片已排除，因为目标图片{size.zh}"),
        ),
        _sentence_on(
            table, target.name, small, [],
            Words(f"{_pairs(small)} left out, since the given picture has fewer than {LEAST} pixels at a side", f"对图片已排除，因为输入的边长不足 {LEAST} 像素"),
        ),
        _sentence_on(
            table, target.name, moving, [],
            Words(f"{len(moving)} picture{'s have' if len(moving) > 1 else ' has'} several frames, of which the first is taken", "张图片有多帧，只取第一帧"),
        ),
    ]  # fmt: skip
    told = [w for w in said if w is not None]
    out = table.with_schema(schema)
    words = Words(" ".join(w.en for w in told), "".join(w.zh for w in told)) if told else None
    return (out.take(np.array(kept)) if len(kept) < len(table) else out), words


def check_scale(test: Table, trained: Table) -> None:
    """Raise DataError where official test pairs are of another scale than the pictures that are trained on."""
    told, wanted = (int(t.schema.inputs[0].options["scale"]) for t in (test, trained))
    if told == wanted:
        return
    given, target = test.schema.inputs[0], test.schema.target
    assert target is not None
    place = place_of(test, target.name, 0)
    shown = _pair(test.column(given.name)[0], test.column(target.name)[0], ()).shown
    how = (
        Words("of the given one's size", "输入与目标等大")
        if wanted == 1
        else Words(f"{wanted} times as large", f"目标为输入的 {wanted} 倍")
    )
    raise DataError(
        f"The test pictures of {test.source} do not go with the training pictures: the wanted one must be {how.en}, as it is in training; "
        f"{place.en}: {shown.en}. Give test pairs of that scale, or another --degrade.",
        f"{test.source} 的测试图片与训练图片不符：应与训练时一致（{how.zh}）；{place.zh}：{shown.zh}。请提供该倍数的测试图片对，或修改 --degrade。",
    )


def learnt_from(test: Table, trained: Table) -> list[Finding]:
    """Find official test pairs whose wanted picture is trained on too."""
    target = test.schema.target
    assert target is not None
    own, other = (pc.struct_field(t.column(target.name), "digest") for t in (test, trained))
    rows = np.flatnonzero(np.asarray(pc.is_in(own, value_set=other)))
    if not len(rows):
        return []
    share = 100 * len(rows) / len(test)
    return [
        Finding(
            "test-overlap", "warning", None,
            Words(f"{counted(len(rows), 'test picture')} ({share:.1f} %) {'is' if len(rows) == 1 else 'are'} trained on too.", f"{len(rows)} 张测试图片（{share:.1f}%）也在训练数据中。"),
            Words("The test score may be too good; take them out of the training pictures for a strict test.", "测试得分可能偏高；如需严格测试，请将其从训练图片中移除。"),
            rows=tuple(int(r) for r in test.rows[rows[:20]]),
        )
    ]  # fmt: skip


def _none_fits(table: Table, column: str, pairs: list[_Pair]) -> DataError:
    shown = pairs[0].shown if pairs else Words("", "")
    place = place_of(table, column, 0) if pairs else Words("", "")
    return DataError(
        f"No two pictures of {table.source} fit together: the given one must have {LEAST} pixels or more at a side, and the wanted one be as "
        f"large, or 2 to {_LARGEST} times as large in both directions; {place.en}: {shown.en}.",
        f"{table.source} 中没有尺寸匹配的图片对：输入边长至少 {LEAST} 像素，目标应与输入等大，或两个方向都恰为 2 至 {_LARGEST} 倍；{place.zh}：{shown.zh}。",
    )


def _pair(given: pa.StructScalar, wanted: pa.StructScalar, steps: tuple[Step, ...]) -> _Pair:
    """Return what the heads of two files say; of a picture that is to be degraded, what it will be."""
    if not given.is_valid or not wanted.is_valid:
        return _Pair(why=Words("a picture is missing", "缺少图片"))
    try:
        good = looked(wanted.as_py())
        if "degrade" not in how_of(given.as_py()):
            return _Pair(looked(given.as_py()), good)
    except Unreadable as e:
        return _Pair(why=e.words)
    by = shrinks(steps)
    height, width = good[0] // by, good[1] // by
    channels = 1 if any(s.name == "grey" for s in steps) else good[2]
    return _Pair((height, width, channels, good[3]), (height * by, width * by, *good[2:]))


def _pairs(rows: list[int]) -> str:
    return f"{len(rows)} pair{'s are' if len(rows) > 1 else ' is'}"


def place_of(table: Table, column: str, i: int) -> Words:
    """Return where the picture of a row stands, for messages: its row in the source, and its file where it is one."""
    cell: Mapping[str, Any] = table.column(column)[i].as_py() or {}
    path = cell.get("path")
    row, file = table.rows[i], f" ({Path(path).name})" if path else ""
    return Words(f"row {row}{file}", f"第 {row} 行{file}")


def _sentence_on(table: Table, column: str, rows: list[int], why: list[Words], what: Words) -> Words | None:
    """Return one sentence on some rows: `what` is said of them, and where the first ones stand; None for no row."""
    if not rows:
        return None
    places = [place_of(table, column, i) for i in rows[:_SHOWN]]
    en = ", ".join(f"{p.en}: {w.en}" for p, w in zip(places, why)) if why else ", ".join(p.en for p in places)
    zh = "，".join(f"{p.zh}：{w.zh}" for p, w in zip(places, why)) if why else "，".join(p.zh for p in places)
    more = " ..." if len(rows) > _SHOWN else ""
    return Words(f"{what.en}: {en}{more}.", f"{len(rows)} {what.zh}：{zh}{more}。")
