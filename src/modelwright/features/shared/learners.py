"""Answers of learners in sequences: what knowledge tracing reads.

Legend: N rows, E answers (and questions not answered yet), L sequences, K skills, B chains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Chains:
    """Answers in chains: those whose key is equal, in the order in which they come; the longest chain first."""

    def __init__(self, keys: np.ndarray) -> None:
        self.order = np.argsort(keys, kind="stable")
        ordered = keys[self.order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(keys) else np.empty(0, int)
        lengths = np.diff(np.r_[starts, len(keys)])
        by = np.argsort(-lengths, kind="stable")
        self.starts, self.lengths = starts[by], lengths[by]

    def __len__(self) -> int:
        return len(self.starts)

    def waves(self) -> Iterator[np.ndarray]:
        """Yield for each place the answers that stand there, those of the first chains: [B] of all, then fewer."""
        count = len(self.lengths)
        for place in range(int(self.lengths[0]) if count else 0):
            count = int(np.searchsorted(-self.lengths, -place, side="left"))
            yield self.order[self.starts[:count] + place]

    @cached_property
    def number(self) -> np.ndarray:
        """The chain of each answer [E]; the longest is 0."""
        out = np.empty(len(self.order), np.int64)
        place = np.repeat(self.starts - np.r_[0, np.cumsum(self.lengths)[:-1]], self.lengths)
        out[self.order[place + np.arange(len(self.order))]] = np.repeat(np.arange(len(self)), self.lengths)
        return out


class Skills:
    """The skills that training rows have [K]; one that is not known stands at place K."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def fit(cls, values: pa.Array) -> Skills:
        """Learn the skills, the most frequent one first."""
        counts = values.drop_null().value_counts()
        names, times = counts.field("values").to_pylist(), np.asarray(counts.field("counts"))
        return cls([names[i] for i in sorted(range(len(names)), key=lambda i: (-times[i], names[i]))])

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each skill."""
        return {name: i for i, name in enumerate(self.names)}

    def encode(self, values: pa.Array) -> np.ndarray:
        """Return places [N]."""
        found = pc.index_in(values.cast(pa.string()), pa.array(self.names, pa.string()))
        return np.asarray(found.fill_null(len(self)), np.int64)


@dataclass(frozen=True)
class Answers:
    """Sequences of answers: `skills` [E] by place, `right` [E] 1 or 0, and -1 for questions not answered yet, which stand last in
    their sequence and change nothing; sequence i goes from `begins[i]` to `begins[i + 1]`. `count` is K."""

    skills: np.ndarray
    right: np.ndarray
    begins: np.ndarray
    count: int

    def __len__(self) -> int:
        return len(self.skills)

    @cached_property
    def owner(self) -> np.ndarray:
        """The sequence of each answer [E]."""
        return np.repeat(np.arange(len(self.begins) - 1), np.diff(self.begins))

    @cached_property
    def place(self) -> np.ndarray:
        """How many answers of its sequence stand before each [E]; questions at the end all have the same number before them."""
        at = np.arange(len(self)) - self.begins[:-1][self.owner]
        done = np.bincount(self.owner[self.right >= 0], minlength=len(self.begins) - 1)
        return np.minimum(at, done[self.owner])

    @cached_property
    def whole(self) -> Chains:
        """Each sequence as a chain."""
        return Chains(self.owner)

    @cached_property
    def by_skill(self) -> Chains:
        """The answers of a learner to one skill as a chain."""
        return Chains(self.owner * (self.count + 1) + self.skills)

    def take(self, sequences: np.ndarray) -> Answers:
        """Return the sequences of these numbers [M], in that order."""
        index = np.concatenate([np.arange(self.begins[i], self.begins[i + 1]) for i in sequences] or [np.empty(0, int)])
        lengths = np.diff(self.begins)[sequences]
        begins = np.r_[0, np.cumsum(lengths)].astype(np.int64)
        return Answers(self.skills[index.astype(int)], self.right[index.astype(int)], begins, self.count)
