"""Finding personal data: in single texts, in cells by the thousand, in whole tables within a time.

A find names its type, column, characters, how sure it is and why. Distinct cells are read once; quick families go first, and
when time runs out what was not read is said.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.budget import step
from modelwright.core.facts.privacy import PersonalFact
from modelwright.core.words import Words
from modelwright.privacy import lexicon
from modelwright.privacy.catalogue import TYPES, get_type
from modelwright.privacy.finds import Finds
from modelwright.privacy.mask import masked
from modelwright.privacy.recognisers.base import Match, Recogniser, reason_words, recognisers
from modelwright.privacy.text import IN_HAN, Block

SURE = 0.5  # from here on a match counts
_CHARACTERS = 2_000_000  # of one block
_TIMED = 100_000  # the same where there is a time to end at
_FEWER = 60_000  # the same for slow recognisers, so that they end on time
_FIRST = 6_000  # of their first block, which is read whatever the time: of fifty columns that is fifty blocks
_LONGEST = 200_000  # characters of a cell that are read
_ENOUGH = 5_000_000  # characters after which the time counts, however few cells they are
_FLOAT = re.compile(r"^\+?(?:[0-9]{7,20}\.0+|[1-9](?:\.[0-9]{1,20})?[eE]\+?(?:0?[6-9]|1[0-9]))$")
_SHARE = 0.8  # of a column's cells: what looks like a type by its form alone then is one
_LEAST_CELLS = 12
_EXAMPLES = 3
_MOST_SHOWN = 500  # values of a type in a column that are shown where asked for
_SAID = 0.9  # from here on something says that a person is meant: 收货人李宁 is one, 李宁跑鞋 a brand
_SELECTIVE = frozenset(
    {"id-card", "passport", "bank-card", "plate", "vin", "ssn", "ip", "mac"}
)  # forms that few numbers have


def find(text: str, column: str = "", *, types: Collection[str] | None = None, also: Sequence[str] = ()) -> list[Match]:
    """Return what is private in a text, in order and without overlaps. `also` names recognisers that must be asked for."""
    return find_cells([text], column, types=types, also=also)[0][0]


def find_cells(
    cells: Sequence[str],
    column: str = "",
    *,
    types: Collection[str] | None = None,
    also: Sequence[str] = (),
    until: float | None = None,
    slow: bool | None = None,
    least: float = SURE,
    at_least: int = 0,
) -> tuple[Finds, np.ndarray]:
    """Return the matches of each cell, and which cells were read by all recognisers [N] bool before `until` (monotonic).

    `types` leaves out all others; `slow` asks for the slow recognisers (names) alone, or for all others. Cells are read in
    the order given, `at_least` so many whatever the time (or as many as make some million characters): shuffle them where part may
    have to do.
    """
    wanted = [r for r in recognisers(tuple(also)) if types is None or set(r.types) & set(types)]
    wanted = [r for r in wanted if slow is None or slow == (r.rank > 0)]
    together = {h: 1 for r in wanted for h in r.beside_digits} | {h: 0 for r in wanted for h in r.hints}
    together |= {h: IN_HAN for r in wanted for h in r.in_han}
    held: dict[int, list[Match]] = {}
    done = np.ones(len(cells), bool)
    sizes = np.fromiter(map(len, cells), np.int64, len(cells))
    longest = int(sizes.max(initial=0))
    enough = min(at_least, 1 + int(np.searchsorted(np.cumsum(np.minimum(sizes, _LONGEST)), _ENOUGH)))
    quick = _CHARACTERS if until is None else min(_CHARACTERS, _TIMED)
    for rank in sorted({r.rank for r in wanted}):
        for n, (first, last) in enumerate(_stretches(sizes, _FEWER if rank else quick, _FIRST if rank else quick)):
            if n and first >= enough and until is not None and time.monotonic() > until:
                done[first:] = False
                break
            step()
            some = cells[first:last]
            block = Block(some if longest <= _LONGEST else [c[:_LONGEST] for c in some], together)
            for recogniser in wanted:
                if recogniser.rank == rank:
                    _collect(recogniser, block, column, first, types, held)
    return Finds(len(cells), held).changed(lambda found: _apart([m for m in found if m.score >= least])), done


def parted(matches: Sequence[list[Match]]) -> tuple[Finds, Finds]:
    """Return the matches that are sure enough to be replaced, and those that are only shown."""
    finds = Finds.of(matches)
    return (
        finds.changed(lambda found: [m for m in found if m.score >= TYPES[m.type].sure]),
        finds.changed(lambda found: [m for m in found if m.score < TYPES[m.type].sure]),
    )


def _collect(
    recogniser: Recogniser, block: Block, column: str, first: int, types: Collection[str] | None,
    held: dict[int, list[Match]],
) -> None:  # fmt: skip
    for cell, m in recogniser.find(block, column):
        if types is None or m.type in types:
            if m.type == "person" and m.score < _SAID and _is_brand(block.cells[cell], m.start, m.end):
                continue
            start, end = block.back(cell, m.start, m.end)
            if (start, end) != (m.start, m.end):
                m = Match(start, end, m.type, m.score, m.reason, m.lone)
            held.setdefault(first + cell, []).append(m)


def _is_brand(cell: str, start: int, end: int) -> bool:
    """Whether a name, or what it is a part of, is a brand's: 王致 of 王致和, Kitty of Hello Kitty."""
    brands = _brands()
    # Wendy of Wendy's, 林豪泰 of 格林豪泰
    if any(
        cell[max(0, start - before) : end + more].lower().replace("’", "'") in brands
        for before in (0, 1)
        for more in (0, 1, 2, 3)
    ):
        return True
    words = cell[start:end].lower().split()
    if len(words) > 2 and " ".join(words[:2]) in brands:  # Louis Vuitton Neverfull
        return True
    before = cell[:start].rstrip().rpartition(" ")[2]
    return bool(before) and f"{before} {cell[start:end]}".lower() in brands


@cache
def _brands() -> frozenset[str]:
    """Return brands and figures of tales that are called as people are."""
    return frozenset(lexicon.entries("brands"))


def _stretches(sizes: np.ndarray, most: int, beginning: int) -> Iterator[tuple[int, int]]:
    """Yield first and last + 1 of runs of cells with about `most` characters, the first one `beginning`, from the number of each cell's [N]."""
    ends = np.cumsum(np.minimum(sizes, _LONGEST))
    first = 0
    while first < len(sizes):
        before = int(ends[first - 1]) if first else 0
        last = min(len(sizes), int(np.searchsorted(ends, before + (most if first else beginning), "right")) + 1)
        yield first, last
        first = last


def _apart(found: list[Match]) -> list[Match]:
    """Return matches without overlaps: the surer one stays, of equals the longer."""
    if len(found) < 2:
        return found
    kept: list[Match] = []
    for m in sorted(found, key=lambda m: (-m.score, m.start - m.end, m.start)):
        if all(m.end <= k.start or m.start >= k.end for k in kept):
            kept.append(m)
    return sorted(kept, key=lambda m: m.start)


@dataclass(frozen=True)
class Found:
    """One type in one column: rows that hold it, how many values, how sure on average, the commonest reason.

    `share` is the part of the filled cells that hold nothing else; `examples` are masked.
    """

    column: str
    type: str
    rows: int
    values: int
    confidence: float
    reason: str
    share: float
    examples: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()  # values as they are, where they were asked for

    @property
    def words(self) -> Words:
        """Say what was found where."""
        n = get_type(self.type).counted(self.values)
        return Words(f"{n.en} in `{self.column}`", f"`{self.column}` 中有 {n.zh}")

    def to_json(self, examples: bool = True) -> PersonalFact:
        """Return the find as JSON values; masked examples only where asked for."""
        out: PersonalFact = {
            "column": self.column, "type": self.type, "title": list(TYPES[self.type].many), "rows": self.rows,
            "values": self.values, "share": round(self.share, 4), "confidence": round(self.confidence, 3),
            "reason": self.reason, "why": list(reason_words(self.reason)),
        }  # fmt: skip
        if self.shown:
            out["shown"] = list(self.shown)
        if examples:
            out["examples"] = list(self.examples)
        return out


@dataclass
class Scan:
    """What was found in a table: by column and type, how many of the rows were read whole, and the seconds it took."""

    rows: int
    found: list[Found] = field(default_factory=list)
    read: dict[str, float] = field(default_factory=dict)  # share of the filled cells, by column
    seconds: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether every cell was read by every recogniser."""
        return all(v >= 1 for v in self.read.values())

    def of(self, column: str) -> list[Found]:
        """Return what was found in one column."""
        return [f for f in self.found if f.column == column]

    def sampled(self) -> Words | None:
        """Say which columns were read in part, if any."""
        part = {c: v for c, v in self.read.items() if v < 1}
        if not part:
            return None
        names = ", ".join(f"`{c}` {100 * v:.0f} %" for c, v in part.items())
        return Words(
            f"Time ran out: only a random part of the values was looked through ({names}); counts are of that part.",
            f"时间用尽：只随机检查了部分取值（{names}）；计数仅为该部分。",
        )

    def to_json(self, examples: bool = True) -> dict[str, Any]:
        """Return the scan as JSON values."""
        sampled = self.sampled()
        return {
            "rows": self.rows,
            "found": [f.to_json(examples) for f in self.found],
            "read": {c: round(v, 4) for c, v in self.read.items()},
            "sampled": list(sampled) if sampled else None,
            "seconds": round(self.seconds, 3),
        }


def scan(
    data: pa.Table,
    columns: Sequence[str] | None = None,
    *,
    seconds: float = 30.0,
    also: Sequence[str] = (),
    seed: int = 0,
) -> Scan:
    """Look through a table's columns of text and whole numbers, at most for about `seconds`."""
    begun = time.monotonic()
    names = list(columns if columns is not None else data.column_names)
    out = Scan(data.num_rows)
    for i, name in enumerate(names):
        # what earlier columns did not use is there for later ones
        until = begun + seconds * (i + 1) / len(names)
        cells, indices = as_cells(data.column(data.column_names.index(name)))
        if not cells:
            continue
        found, share = scan_column(name, cells, indices, also=also, until=until, seed=seed)
        out.found += found
        out.read[name] = share
    out.seconds = time.monotonic() - begun
    return out


def as_cells(values: pa.ChunkedArray | pa.Array, least: float = 1e6) -> tuple[list[str], np.ndarray]:
    """Return the distinct cells of a column as texts, and the cell of each row [N] (-1 where it has none).

    Columns that cannot hold personal data in their cells (truth values, fractions, numbers below `least`, media, nested
    ones) give no cells.
    """
    kind = values.type
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    if pa.types.is_decimal(kind):
        text = values.cast(pa.string())
        values = pc.if_else(pc.match_substring_regex(text, r"^[0-9]{5,}(?:\.0+)?$"), text, pa.scalar(None, pa.string()))
        kind = values.type
    if pa.types.is_floating(kind):
        whole = pc.and_(pc.equal(pc.floor(values), values), pc.greater_equal(pc.abs(values), least))
        if not pc.mean(whole.cast(pa.int8())).as_py():
            return [], np.array([], np.int64)
        values = pc.if_else(whole, values, pa.scalar(None, kind)).cast(pa.int64(), safe=False)
        kind = values.type
    if pa.types.is_integer(kind):
        most = pc.max(pc.abs(values)).as_py() if len(values) > values.null_count else 0
        if (most or 0) < least:
            return [], np.array([], np.int64)
        values = values.cast(pa.string())
    elif pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        values = pc.strftime(values, format="%Y-%m-%d")
    elif not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return [], np.array([], np.int64)
    coded = values.dictionary_encode()
    indices = np.asarray(coded.indices.fill_null(-1)).astype(np.int64)
    cells = coded.dictionary.to_pylist()
    if pc.any(pc.match_substring_regex(coded.dictionary, _FLOAT.pattern)).as_py():
        cells = [whole_number(c) for c in cells]
    return cells, indices


def whole_number(cell: str) -> str:
    """Return a long whole number in digits alone where it is written as a fraction (`13812345678.0`, `1.3812345678E10`).

    So libraries write a column of phone numbers of which some are missing. Anything else comes back as it is.
    """
    return f"{Decimal(cell):.0f}" if _FLOAT.fullmatch(cell) else cell


def scan_column(
    name: str,
    cells: list[str],
    indices: np.ndarray,
    *,
    also: Sequence[str] = (),
    until: float | None = None,
    seed: int = 0,
) -> tuple[list[Found], float]:
    """Return what one column holds, and the share of its filled cells that were read.

    `cells` are the D different texts; `indices` [N] says which of them stands in each row, -1 for none. What cannot be read by
    `until` (seconds of the monotonic clock) is left.
    """
    order = np.random.default_rng(seed).permutation(len(cells))
    matches, read = find_cells([cells[i] for i in order], name, also=also, until=until, least=0.0)
    counts = np.bincount(indices[indices >= 0], minlength=len(cells))[order]
    matches = by_share(matches)
    return summary(name, [cells[i] for i in order], matches, counts), float(counts[read].sum() / max(1, counts.sum()))


def by_share(matches: Finds) -> Finds:
    """Return matches that are sure; forms that most cells of a column have count for sure too."""
    lone = Counter(m.type for found in matches.held.values() for m in found if m.lone and m.type in _SELECTIVE)
    raised = {t for t, n in lone.items() if n >= max(_LEAST_CELLS, _SHARE * len(matches))}

    def sure(found: list[Match]) -> list[Match]:
        if raised:
            found = [
                Match(m.start, m.end, m.type, max(m.score, 0.75), m.reason + "+share", True)
                if m.lone and m.type in raised and m.score < SURE
                else m
                for m in found
            ]
        return _apart([m for m in found if m.score >= SURE])

    return matches.changed(sure)


def summary(
    name: str, cells: Sequence[str], matches: Sequence[list[Match]], counts: np.ndarray, show: bool = False
) -> list[Found]:
    """Return the finds of a column by type, those in most rows first; with `show` the values themselves too, up to a few hundred.

    `counts` [D] says in how many rows each of the D cells stands.
    """
    out = []
    filled = max(1, int(counts.sum()))
    held: dict[str, list[tuple[int, list[Match]]]] = {}
    for i, some in sorted(Finds.of(matches).held.items()):
        for kind in dict.fromkeys(m.type for m in some):
            held.setdefault(kind, []).append((i, [m for m in some if m.type == kind]))
    for kind in TYPES:
        own = held.get(kind, [])
        if not own:
            continue
        rows = int(sum(counts[i] for i, _ in own))
        values = {TYPES[kind].canonical(cells[i][m.start : m.end]) for i, ms in own for m in ms}
        lone = sum(int(counts[i]) for i, ms in own if any(m.lone for m in ms))
        reasons = Counter(m.reason for _, ms in own for m in ms)
        confidence = float(np.mean([m.score for _, ms in own for m in ms]))
        shown = tuple(dict.fromkeys(masked(cells[i][ms[0].start : ms[0].end], kind) for i, ms in own[:20]))[:_EXAMPLES]
        plain = Counter(cells[i][m.start : m.end] for i, ms in own for m in ms) if show else Counter[str]()
        told = tuple(v for v, _ in plain.most_common(_MOST_SHOWN))
        why = reasons.most_common(1)[0][0]
        out.append(Found(name, kind, rows, len(values), confidence, why, lone / filled, shown, told))
    return sorted(out, key=lambda f: -f.rows)
