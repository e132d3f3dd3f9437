"""Finding names of persons, places and addresses in sentences: a small conditional random field over hand-made features.

The one that is shipped learnt from sentences made for it (`python -m modelwright.privacy.make_tagger` makes it anew), so that
no text of anybody's is in it. `Tagger.train` makes one from rows of one's own.
Legend: N tokens, K labels, F hashed features, V distinct tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from modelwright.privacy import _crf
from modelwright.privacy._tokens import OFFSETS, SIZE, Tokens, Vocabulary
from modelwright.privacy.text import END, plain

KINDS = ("PERSON", "PLACE", "ADDRESS", "ORGANISATION")
LABELS = ["O", *(f"{part}-{kind}" for kind in KINDS for part in "BI")]
_PERSON = LABELS.index("B-PERSON")
_LIKELY = -0.5  # score of a beginning over that of no name, by the words around alone, from which a name may begin
_WINDOW = 6  # tokens on either side that certainty is worked out from
_MOST_KNOWN = 300_000  # distinct tokens that are remembered
Span = tuple[int, int, str]


class Tagger:
    """Weights [F, K], steps [K, K], first labels [K]; `find` gives spans."""

    def __init__(self, weights: np.ndarray, steps: np.ndarray, first: np.ndarray) -> None:
        self._weights = np.ascontiguousarray(weights, np.float32)
        self._steps, self._first = steps.astype(np.float32), first.astype(np.float32)
        self._reset()

    def _reset(self) -> None:
        self._vocabulary = Vocabulary()
        self._known = np.zeros((0, len(OFFSETS), len(LABELS)), np.float32)

    def find(self, text: str) -> list[tuple[int, int, str, float]]:
        """Return (start, end, kind, how sure) for every name in a text in plain forms, in which cells end with `END`."""
        return self.read(text)[0]

    def read(self, text: str) -> tuple[list[tuple[int, int, str, float]], np.ndarray]:
        """Return what `find` does, and the characters where a person may begin [M], far more than do."""
        if len(self._vocabulary) > _MOST_KNOWN:
            self._reset()
        tokens = Tokens(text, self._vocabulary)
        if not len(tokens):
            return [], np.zeros(0, np.int64)
        emission = self._emission(tokens)
        likely = tokens.start[emission[:, _PERSON] - emission[:, 0] >= _LIKELY]
        labels = _crf.decode(emission, tokens.sequence, self._steps, self._first)
        if not labels.any():
            return [], likely
        # certainty is only worked out around what was found
        near, runs = _around(labels, tokens.sequence)
        chance = np.zeros((len(labels), len(LABELS)))
        chance[near] = _crf.marginals(emission[near].astype(np.float64), runs, self._steps, self._first)[0]
        return _spans(tokens, labels, chance), likely

    def _emission(self, tokens: Tokens) -> np.ndarray:
        self._learn()
        out = np.zeros((len(tokens), len(LABELS)), np.float32)
        for i, offset in enumerate(OFFSETS):
            out += self._known[tokens.shifted(tokens.ids, offset, 0), i]
        for hashed in tokens.pairs():
            out += self._weights[hashed]
        return out

    def _learn(self) -> None:
        """Sum up the weights of the distinct tokens that are new [V, offsets, K]."""
        old, new = len(self._known), len(self._vocabulary)
        if new == old:
            return
        fresh = np.zeros((new - old, len(OFFSETS), len(LABELS)), np.float32)
        for i in range(len(OFFSETS)):
            own = [self._vocabulary.features[v][i] for v in range(old, new)]
            counts = np.fromiter(map(len, own), np.int64, len(own))
            flat = np.fromiter((f for fs in own for f in fs), np.int64, int(counts.sum()))
            np.add.at(fresh[:, i], np.repeat(np.arange(new - old), counts), self._weights[flat])
        self._known = np.concatenate([self._known, fresh])

    @classmethod
    def train(
        cls, texts: Sequence[str], spans: Sequence[Sequence[Span]], *, penalty: float = 0.3, rounds: int = 80,
        said: Callable[[int, float], None] | None = None,
    ) -> Tagger:  # fmt: skip
        """Return a tagger that learnt from texts with spans (start, end, one of `KINDS`)."""
        from scipy.sparse import csr_matrix

        vocabulary = Vocabulary()
        tokens = Tokens(END.join(plain(t) for t in texts), vocabulary)
        labels = _labels(tokens, texts, spans)
        columns = [np.stack(tokens.pairs(), 1)]
        widths = [columns[0].shape[1]]
        rows = [np.repeat(np.arange(len(tokens)), widths[0])]
        flat = [columns[0].ravel()]
        for i, offset in enumerate(OFFSETS):
            ids = tokens.shifted(tokens.ids, offset, 0)
            own = [vocabulary.features[v][i] for v in range(len(vocabulary))]
            counts = np.fromiter(map(len, own), np.int64, len(own))
            starts = np.concatenate([[0], np.cumsum(counts)])
            whole = np.fromiter((f for fs in own for f in fs), np.int64, int(counts.sum()))
            n = counts[ids]
            rows.append(np.repeat(np.arange(len(tokens)), n))
            within = np.arange(int(n.sum())) - np.repeat(np.cumsum(n) - n, n)
            flat.append(whole[np.repeat(starts[ids], n) + within])
        index = (np.concatenate(rows), np.concatenate(flat))
        matrix = csr_matrix((np.ones(len(index[0]), np.float32), index), (len(tokens), SIZE))
        weights, steps, first = _crf.train(
            matrix, tokens.sequence, labels, LABELS, penalty=penalty, rounds=rounds, said=said
        )
        return cls(weights, steps, first)

    def save(self, path: Path) -> None:
        """Write the weights in half precision."""
        from safetensors.numpy import save_file

        save_file(
            {
                "weights": self._weights.astype(np.float16),
                "steps": self._steps.astype(np.float32),
                "first": self._first.astype(np.float32),
            },
            str(path),
        )

    @classmethod
    def load(cls, path: Path) -> Tagger:
        """Read what `save` wrote."""
        from safetensors.numpy import load_file

        data = load_file(str(path))
        return cls(data["weights"], data["steps"], data["first"])


def _labels(tokens: Tokens, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> np.ndarray:
    """Return the label of every token [N]."""
    lengths = np.fromiter((len(t) + 1 for t in texts), np.int64, len(texts))
    offsets = np.cumsum(lengths) - lengths
    out = np.zeros(len(tokens), np.int64)
    for offset, own in zip(offsets, spans):
        for start, end, kind in own:
            first = np.searchsorted(tokens.end, offset + start, "right")
            last = np.searchsorted(tokens.start, offset + end, "left")
            k = LABELS.index(f"B-{kind}")
            out[first : first + 1] = k
            out[first + 1 : last] = k + 1
    return out


def _around(labels: np.ndarray, sequence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the tokens within `_WINDOW` of a label in their sequence [M], and the run each belongs to [M]."""
    near = labels > 0
    same = sequence[1:] == sequence[:-1]
    for _ in range(_WINDOW):
        wider = near.copy()
        wider[1:] |= near[:-1] & same
        wider[:-1] |= near[1:] & same
        near = wider
    found = np.flatnonzero(near)
    fresh = np.concatenate([[True], (np.diff(found) > 1) | (sequence[found[1:]] != sequence[found[:-1]])])
    return found, np.cumsum(fresh) - 1


def _spans(tokens: Tokens, labels: np.ndarray, chance: np.ndarray) -> list[tuple[int, int, str, float]]:
    out = []
    begins = np.flatnonzero(labels % 2 == 1)
    for first in begins.tolist():
        last = first + 1
        while (
            last < len(labels) and labels[last] == labels[first] + 1 and tokens.sequence[last] == tokens.sequence[first]
        ):
            last += 1
        sure = float(chance[np.arange(first, last), labels[first:last]].min())
        out.append((int(tokens.start[first]), int(tokens.end[last - 1]), KINDS[(int(labels[first]) - 1) // 2], sure))
    return out


@cache
def shipped() -> Tagger:
    """Return the tagger that comes with the package."""
    with as_file(files("modelwright.privacy").joinpath("tagger.safetensors")) as path:
        return Tagger.load(path)
