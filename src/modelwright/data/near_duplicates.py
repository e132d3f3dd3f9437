"""Rows that are nearly the same: equal or nearly equal texts, and rows whose numbers lie by each other as repeats do.

A model that meets in the test what it has learnt but for a greeting, a time stamp or a rounding is not tested. Texts are compared
by MinHash (Broder 1997) over pairs of words or characters and what two share of the shorter; numbers by cells of a grid laid at
random several times (locality-sensitive hashing), where the distances to neighbours show that rows come in groups. The work grows
with the rows, not with their pairs. Legend: N rows, D columns, S shingles.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.budget import step
from modelwright.core.schema import Table
from modelwright.core.words import Words, counted
from modelwright.data.finding import Finding

_HASHES, _BAND = 32, 2  # two texts that share three fifths meet in one of 16 bands nearly always
_SHARED = 0.8  # of the shorter text's shingles, to be called nearly equal
_SHORT = 5  # shingles below which only equal texts are near
_LONG = 200  # words or characters that are looked at, half of them from the end
_LARGEST = 0.05  # of the rows: a larger family is no repeat but how the data is, and only equal rows are kept together
_WORDS = 2  # shingles below which an equal text says nothing of the rest of the row
_MANY = 0.5  # of the rows: above it the data is made of repeats, which the user should look at
_QUERIES, _NEIGHBOURS, _BESIDE = (
    400,
    24,
    40_000,
)  # rows whose neighbours are looked at, how many, and among how many rows
_JUMP = 4.0  # a neighbour that is this much farther than the one before ends a group
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+")


@dataclass(frozen=True)
class Near:
    """`units` [N]: rows of one number are equal or nearly so. How many rows are so by texts and by numbers, and whether only
    some of the rows were looked at."""

    units: np.ndarray
    texts: int = 0
    rows: int = 0
    looked: int = 0
    columns: tuple[str, ...] = field(default=())


def near(table: Table, codes: np.ndarray, *, most: int = 50_000, seed: int = 0) -> Near:
    """Return which rows belong together: those of equal `codes` [N], of nearly equal texts, of nearly equal numbers.

    At most `most` rows are compared, drawn at random; rows that are equal are found among all.
    """
    n = len(table)
    looked = np.arange(n) if n <= most else np.sort(np.random.default_rng(seed).permutation(n)[:most])
    some = table.take(looked) if len(looked) < n else table
    families = _Families(n)
    families.join_codes(codes)
    before = families.labels()
    told: list[str] = []
    for column in table.schema.inputs:
        if column.modality != "text":
            continue
        step()
        equal, alike = _text_pairs(some.column(column.name), seed)
        joined = _fitting(families, looked[np.concatenate([equal, alike])], n) or _fitting(families, looked[equal], n)
        if joined is not None:
            families = joined
            told.append(column.name)
    after = families.labels()
    by_text = _grown(before, after)
    names, values = _numbers(some)
    by_rows = np.zeros(n, bool)
    if len(names) >= 2:
        pairs = _number_pairs(values, seed)
        joined = _fitting(families, looked[pairs], n)
        if len(pairs) and joined is not None:
            families = joined
            by_rows = _grown(after, families.labels())
            told += names if by_rows.any() else []
    return Near(families.labels(), int(by_text.sum()), int(by_rows.sum()), len(looked), tuple(told))


def finding(found: Near, n: int) -> list[Finding]:
    """Return what is said of rows that are nearly equal: how many, and that they stay on one side."""
    out = []
    part = Words("", "")
    if found.looked < n:
        part = Words(f" (looked for among {counted(found.looked, 'row')})", f"（在 {found.looked:,} 行中查找）")
    advice = Words(
        "They stay on one side of every split. If they come from the same source, name it with --group.",
        "划分时它们总在同一侧。若它们出自同一来源，请用 --group 指定。",
    )
    for code, count, what in (
        ("near-texts", found.texts, Words("hold nearly the same text as another row", "的文本与另一行几乎相同")),
        ("near-rows", found.rows, Words("lie as close to other rows as repeats of one thing do", "与另一些行非常接近，像是对同一对象的重复记录")),
    ):  # fmt: skip
        if count:
            grave = "warning" if count > _MANY * n else "info"
            words = Words(
                f"{count:,} of {n:,} rows {what.en}{part.en}.", f"{n:,} 行中有 {count:,} 行{what.zh}{part.zh}。"
            )
            out.append(Finding(code, grave, None, words, advice))
    return out


class _Families:
    """Rows joined pair by pair; families are the connected parts."""

    def __init__(self, n: int, pairs: list[np.ndarray] | None = None) -> None:
        self.n, self.pairs = n, pairs or []

    def join_codes(self, codes: np.ndarray) -> None:
        order = np.argsort(codes, kind="stable")
        same = codes[order][1:] == codes[order][:-1]
        self.pairs.append(np.stack([order[:-1][same], order[1:][same]], 1))

    def labels(self) -> np.ndarray:
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        ends = np.concatenate(self.pairs) if self.pairs else np.zeros((0, 2), np.int64)
        graph = coo_matrix((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), (self.n, self.n))
        return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _fitting(families: _Families, pairs: np.ndarray, n: int) -> _Families | None:
    """Return the families with more pairs joined; None where one would grow beyond what repeats explain."""
    if not len(pairs):
        return None
    joined = _Families(n, [*families.pairs, pairs])
    return joined if np.bincount(joined.labels()).max() <= max(30, _LARGEST * n) else None


def _grown(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return which rows stand in a larger family than before [N]."""
    return np.bincount(after)[after] > np.bincount(before)[before]


# -- texts -----------------------------------------------------------------------------------------------------------


def _shingles(text: str) -> np.ndarray:
    """Return the pairs of neighbouring words (of letters that need no blanks: characters) as different numbers."""
    tokens = _TOKEN.findall(unicodedata.normalize("NFKC", text[:20_000]).lower())
    if len(tokens) > _LONG:
        tokens = tokens[: _LONG // 2] + tokens[-_LONG // 2 :]
    codes = np.array([_number_of(t) for t in tokens], np.uint64)
    if len(codes) < 2:
        return codes
    return np.unique(codes[:-1] * np.uint64(0x9E3779B97F4A7C15) ^ codes[1:])


def _every_shingles(texts: list[str]) -> list[np.ndarray]:
    out = []
    for start in range(0, len(texts), 2000):
        step()
        out += [_shingles(t) for t in texts[start : start + 2000]]
    return out


def _number_of(word: str) -> int:
    """Return a number for a word, the same in every process."""
    data = word.encode("utf-8", "surrogatepass")
    return (zlib.crc32(data) << 32) | zlib.crc32(data, 0x9E3779B9)


def _text_pairs(values: pa.Array, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of rows, each [P, 2], whose texts are equal, and whose texts are equal but for case, marks and blanks or nearly so."""
    coded = values.dictionary_encode()
    place = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    texts = coded.dictionary.to_pylist()
    first = np.full(len(texts), -1, np.int64)
    first[place[place >= 0][::-1]] = np.flatnonzero(place >= 0)[::-1]
    rows = np.flatnonzero(place >= 0)
    shingles = _every_shingles(texts)
    lengths = np.array([len(s) for s in shingles], np.int64)
    rows = rows[lengths[place[rows]] >= _WORDS]
    equal = np.stack([first[place[rows]], rows], 1)
    long = np.flatnonzero(lengths >= _SHORT)
    # equal once case, marks and blanks are set aside: the same shingles
    keys: dict[bytes, int] = {}
    near = [(keys.setdefault(shingles[i].tobytes(), i), i) for i in np.flatnonzero(lengths >= _WORDS).tolist()]
    near = [(a, b) for a, b in near if a != b]
    if len(long) > 1:
        near += _similar([shingles[i] for i in long], long, seed)
    pairs = np.array(near, np.int64).reshape(-1, 2)
    return equal[equal[:, 0] != equal[:, 1]], first[pairs]


def _similar(shingles: list[np.ndarray], names: np.ndarray, seed: int) -> list[tuple[int, int]]:
    """Return pairs of names whose shingles overlap by `_SHARED` of the smaller set; candidates meet in a band of MinHash."""
    rng = np.random.default_rng(seed)
    starts = np.r_[0, np.cumsum([len(s) for s in shingles])[:-1]]
    every = np.concatenate(shingles)
    signs = np.empty((_HASHES, len(shingles)), np.uint64)
    for h in range(_HASHES):
        mixed = every * np.uint64(int(rng.integers(1, 2**62)) * 2 + 1)
        signs[h] = np.minimum.reduceat(mixed ^ (mixed >> np.uint64(29)), starts)
    sets = [frozenset(s.tolist()) for s in shingles]
    out: list[tuple[int, int]] = []
    parent = np.arange(len(sets))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return int(i)

    for band in range(0, _HASHES, _BAND):
        step()
        key = signs[band]
        for more in signs[band + 1 : band + _BAND]:
            key = key * np.uint64(0x9E3779B97F4A7C15) ^ more
        order = np.argsort(key, kind="stable")
        same = key[order][1:] == key[order][:-1]
        head = 0
        for at in np.flatnonzero(same).tolist():
            if at == 0 or not same[at - 1]:
                head = order[at]
            b = order[at + 1]
            for a in (order[at], head):  # the one before and the first of the bucket: linear in its size
                ra, rb = root(a), root(b)
                if ra != rb and len(sets[a] & sets[b]) >= _SHARED * min(len(sets[a]), len(sets[b])):
                    parent[rb] = ra
                    out.append((int(names[a]), int(names[b])))
    return out


# -- numbers ---------------------------------------------------------------------------------------------------------


def _numbers(table: Table) -> tuple[list[str], np.ndarray]:
    """Return names and standardised values [N, D] of the number columns that differ from row to row; gaps in the middle."""
    names, columns = [], []
    for column in table.schema.inputs:
        if column.modality != "number":
            continue
        values = table.column(column.name)
        known = pc.drop_null(values)
        if len(known) < 0.5 * len(values) or pc.count_distinct(known).as_py() < max(20, 0.1 * len(values)):
            continue
        numbers = np.asarray(values.fill_null(float("nan")), np.float64)
        low, middle, high = np.nanpercentile(numbers, [16, 50, 84])
        if not np.isfinite([low, middle, high]).all() or high <= low:
            continue
        scaled = (numbers - middle) / (high - low)
        columns.append(np.clip(np.where(np.isfinite(scaled), scaled, 0.0), -5, 5))
        names.append(column.name)
    return names, np.stack(columns, 1) if columns else np.zeros((len(table), 0))


def _number_pairs(values: np.ndarray, seed: int) -> np.ndarray:
    """Return pairs of rows [P, 2] that lie by each other as repeats do; none where distances grow evenly."""
    rng = np.random.default_rng(seed)
    different = np.unique(values, axis=0, return_index=True)[1]  # equal rows are told elsewhere
    if len(different) < 60:
        return np.zeros((0, 2), np.int64)
    beside = different if len(different) <= _BESIDE else rng.choice(different, _BESIDE, replace=False)
    asked = rng.choice(beside, min(_QUERIES, len(beside)), replace=False)
    near = np.empty((len(asked), _NEIGHBOURS))
    others = values[beside]
    squares = (others**2).sum(1)
    for start in range(0, len(asked), 50):
        q = values[asked[start : start + 50]]
        d = np.maximum((q**2).sum(1)[:, None] + squares[None] - 2 * q @ others.T, 0)
        near[start : start + 50] = np.sort(np.partition(d, _NEIGHBOURS, axis=1)[:, : _NEIGHBOURS + 1], axis=1)[:, 1:]
    near = np.sqrt(near)
    ratio = near[:, 1:] / np.maximum(near[:, :-1], 1e-9)
    at = ratio.argmax(1)
    jumps = ratio.max(1) > _JUMP
    # in data without groups a jump between the first two neighbours is chance; one between later ones is rare
    later = jumps & (at >= 1)
    if jumps.mean() < 0.5 or (later.mean() < 0.15 and jumps.mean() < 0.8):
        return np.zeros((0, 2), np.int64)
    rows = np.flatnonzero(jumps)
    inside, outside = near[rows, at[rows]], near[rows, at[rows] + 1]
    reach = float(np.sqrt(np.quantile(inside, 0.9) * np.quantile(outside, 0.1)))
    if reach <= 0 or np.quantile(inside, 0.5) * _JUMP > np.quantile(outside, 0.5):
        return np.zeros((0, 2), np.int64)
    return _in_reach(values, reach, rng)


def _in_reach(values: np.ndarray, reach: float, rng: np.random.Generator) -> np.ndarray:
    """Return pairs of rows no farther from each other than `reach`, found in cells of grids that are laid at random."""
    n, d = values.shape
    kept = rng.permutation(d)[:6]
    out = []
    for _ in range(12):
        cells = np.floor(values[:, kept] / (4 * reach) + rng.random(len(kept))).astype(np.int64)
        key = np.zeros(n, np.uint64)
        for c in cells.T:
            key = (key ^ c.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
            key ^= key >> np.uint64(31)
        order = np.lexsort((values[:, kept[0]], key))
        for gap in (1, 2):
            a, b = order[:-gap], order[gap:]
            close = (key[a] == key[b]) & (np.sqrt(((values[a] - values[b]) ** 2).sum(1)) <= reach)
            out.append(np.stack([a[close], b[close]], 1))
    return np.concatenate(out)
