"""The reference: what a bundle keeps of the training data to notice later that other data comes in.

It holds counts by bin, rounded quantiles, categories that occur often, and means of random projections: no row, and no value that
few rows have. `Tally` is what is counted of rows that came, in the same bins. Legend: N rows, F figures.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.schema import Schema, Table
from modelwright.evaluate.drift.answers import AnswerReader
from modelwright.evaluate.drift.figures import Figure
from modelwright.evaluate.drift.readers import LARGEST, Reader, fit_reader, fourier_features

FORM = 1
_ROWS = {"text": 5000, "molecule": 3000, "sequence": 3000, "image": 1500, "audio": 400, "video": 100, "series": 2000}
_PLAIN_ROWS = 20_000
_PLAIN_CELL, _PLAIN_LEAST = (
    4e-7,
    400,
)  # seconds that a cell of a plain column takes; rows that are read whatever the time
_LEAST, _LONG = (
    200,
    20_000,
)  # rows of a text or picture that are read at least; bytes of one from which on a quarter of them has to do
_READ = 300  # rows that tell how many lie outside
_SELDOM = 0.05  # share of training rows up to which what is missing, rare or outermost counts as unlike training


@dataclass(frozen=True)
class Reference:
    """The readers of the columns, in the order of the schema, and of the answers; None where no unseen rows were answered.

    `outside` is the share of reference rows that lie outside of what most rows hold: see `Tally.outside`.
    """

    rows: int
    readers: tuple[Reader, ...]
    answers: AnswerReader | None = None
    outside: float = 0.0

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """All figures, those of columns first."""
        found = tuple(f for r in self.readers for f in r.figures)
        return found + (self.answers.figures if self.answers else ())

    @cached_property
    def groups(self) -> dict[str, list[int]]:
        """The figures that can alarm by what they belong to: `column:NAME`, or `answer:PART`."""
        out: dict[str, list[int]] = {}
        for i, f in enumerate(self.figures):
            if f.alarms:
                out.setdefault(f"column:{f.column}" if f.role == "input" else f"answer:{f.part}", []).append(i)
        return out

    def read(self, table: Table, answers: Sequence[Mapping[str, Any]] = (), unreadable: Mapping[str, np.ndarray] = {}) -> tuple[np.ndarray, Tally]:  # fmt: skip
        """Return the bins [N, F] of typed rows and of the answers to them, and what is counted beside.

        `unreadable` [N] says by column which cells could not be read. Columns that the table lacks count as missing.
        """
        count = len(table)
        known = frozenset(table.data.column_names)
        parts, tally = [], Tally(rows=count)
        outside = np.zeros(count, bool)
        nothing = np.zeros(count, bool)
        for reader in self.readers:
            if reader.column not in known:
                codes = np.full((count, len(reader.figures)), -1, np.int16)
                codes[:, 0] = 1
                parts.append(codes)
                continue
            values = table.column(reader.column)
            bad = unreadable.get(reader.column, nothing)
            codes, projected = reader.codes(values, bad)
            parts.append(codes)
            outside |= _outside(reader, codes)
            if projected is not None and reader.fourier:
                found = fourier_features(projected)
                tally.fourier[reader.column] = np.append(found.sum(axis=0), len(found))
            if reader.moments is not None:
                numbers = np.clip(np.asarray(values.drop_null(), np.float64), -LARGEST, LARGEST)
                tally.moments[reader.column] = np.array([len(numbers), numbers.sum(), (numbers**2).sum()])
        tally.outside = int(outside.sum())
        if self.answers is not None:
            if len(answers) == count and count:
                parts.append(self.answers.codes(answers))
                tally.places = self.answers.places(answers)
            else:
                parts.append(np.full((count, len(self.answers.figures)), -1, np.int16))
        return np.concatenate(parts, axis=1) if parts else np.zeros((count, 0), np.int16), tally

    def binned(self, codes: np.ndarray) -> np.ndarray:
        """Return how many of N rows fall into each bin [F, B], from their bins [N, F]."""
        out = np.zeros((len(self.figures), max((f.bins for f in self.figures), default=1)), np.int64)
        for i in range(len(self.figures)):
            mine = codes[:, i]
            out[i] = np.bincount(mine[mine >= 0], minlength=out.shape[1])
        return out

    def surprise(self, codes: np.ndarray) -> np.ndarray:
        """Return how unlike the training data each of N rows is, from its bins [N, F]: 0 is usual, the larger the stranger.

        The mean over figures of how much rarer a row's bin is than bins are on average, in natural logarithms.
        """
        total, known = np.zeros(len(codes)), np.zeros(len(codes))
        for i, figure in enumerate(self.figures):
            rarity = -np.log((figure.counts + 0.5) / (figure.rows + 0.5 * figure.bins))
            usual = float(np.sum(figure.shares * rarity))
            has = codes[:, i] >= 0
            total += np.where(has, rarity[np.maximum(codes[:, i], 0)] - usual, 0.0)
            known += has
        return np.asarray(total / np.maximum(known, 1))

    def to_json(self) -> dict[str, Any]:
        """Return the reference as JSON values."""
        return {
            "form": FORM,
            "rows": self.rows,
            "outside": self.outside,
            "columns": [r.to_json() for r in self.readers],
            "answers": self.answers.to_json() if self.answers else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reference:
        """Read what `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        if data["form"] != FORM:
            raise ValueError(f"a reference of form {data['form']!s:.20}")
        answers = data["answers"]
        return cls(
            int(data["rows"]),
            tuple(Reader.from_json(c) for c in data["columns"]),
            AnswerReader.from_json(answers) if answers else None,
            float(data["outside"]),
        )


@dataclass
class Tally:
    """What is counted of rows beside their bins; tallies add up.

    `outside` are rows of which a number lies beyond the outermost training rows, a category was rare or unknown, or a cell is missing that seldom
    was, or could not be read.
    `fourier` [D + 1] and `moments` [3] are sums by column, with the number of rows; `places` [K, Q] counts answers by label and confidence.
    """

    rows: float = 0
    outside: float = 0
    fourier: dict[str, np.ndarray] = field(default_factory=dict)
    moments: dict[str, np.ndarray] = field(default_factory=dict)
    places: np.ndarray | None = None

    def add(self, other: Tally) -> None:
        """Add what another counted."""
        self.rows += other.rows
        self.outside += other.outside
        for mine, theirs in ((self.fourier, other.fourier), (self.moments, other.moments)):
            for name, value in theirs.items():
                mine[name] = mine[name] + value if name in mine else value
        if other.places is not None:
            self.places = other.places if self.places is None else self.places + other.places

    def scale(self, factor: float) -> None:
        """Let what was counted weigh less."""
        self.rows, self.outside = self.rows * factor, self.outside * factor
        self.fourier = {n: v * factor for n, v in self.fourier.items()}
        self.moments = {n: v * factor for n, v in self.moments.items()}
        if self.places is not None:
            self.places = self.places * factor


def _outside(reader: Reader, codes: np.ndarray) -> np.ndarray:
    state = reader.figures[0].shares
    out = codes[:, 0] == 2
    if state[1] < _SELDOM:
        out |= codes[:, 0] == 1
    for i, figure in enumerate(reader.figures[1:], 1):
        ends = [figure.bins - 1] if figure.kind == "shares" else [0, figure.bins - 1]
        if figure.kind == "ordered" and (reader.modality != "number" or figure.bins < 4):
            continue
        for end in ends:
            if figure.shares[end] < _SELDOM:
                out |= codes[:, i] == end
    return np.asarray(out)


def make_reference(
    table: Table, schema: Schema, answers: AnswerReader | None = None, *, seed: int = 0, seconds: float = 10.0
) -> Reference:
    """Return the reference of training rows: the inputs of `schema`, some rows of them where reading all would take long.

    A column that is not read within its share of `seconds` has fewer rows behind it, and never fewer than two hundred (fifty of long
    texts); so have all of many plain columns.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(table))
    known = frozenset(table.data.column_names)
    readers, fewest = [], _READ
    columns = [c for c in schema.inputs if c.name in known]
    share = seconds / max(1, sum(c.modality in _ROWS for c in columns))
    plain = min(_PLAIN_ROWS, max(_PLAIN_LEAST, int(seconds / _PLAIN_CELL / max(1, len(columns)))))
    for column in columns:
        most = _ROWS.get(column.modality, plain)
        values = table.column(column.name)
        if column.modality in _ROWS and len(order) > 50:
            part = 4 if values.nbytes > _LONG * len(values) else 1
            looked = 50 // part
            began = time.monotonic()
            fit_reader(column, values.take(pa.array(np.sort(order[:looked]))), seed)
            took = (time.monotonic() - began) / looked
            most = min(most, max(_LEAST // part, int(share / max(took, 1e-6))))
            fewest = min(fewest, most)
        readers.append(fit_reader(column, values.take(pa.array(np.sort(order[:most]))), seed))
    reference = Reference(len(table), tuple(readers), answers)
    some = table.take(np.sort(order[:fewest]))
    _, tally = reference.read(some)
    return Reference(len(table), tuple(readers), answers, tally.outside / max(1, tally.rows))
