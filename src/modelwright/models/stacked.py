"""Several networks of one recipe answering a single row in numpy: their weights lie side by side, and so each step is taken once.

In torch a row costs some sixty small operations for each network, whose set-up takes longer than their arithmetic. Known
are the encoders of table columns, the convolutions of text, gated fusion and both trunks; for networks with other parts there is no stack.

Legend: M networks, F number features, Q quantile bins, T tokens, E embedding width, D fused width, H hidden width, K outputs,
m members of a TabM trunk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.schema import Column, Table
from modelwright.features.base import Codec
from modelwright.features.shared.once import listed, once
from modelwright.features.shared.tensors import NumbersTensor
from modelwright.features.shared.tokens import TokenCodec
from modelwright.models.columns_of_cells import Lookup, PiecewiseLinear
from modelwright.models.encoders.text import TextCNN
from modelwright.models.fusion import GatedFusion
from modelwright.models.network import ColumnNetwork, TabM, Trunk

_KNOWN = 4096  # values of a column whose vectors are kept
_MOST = 128 << 20  # bytes of weights that are laid side by side

Codecs = Mapping[str, tuple[Column, Codec]]


def alike(networks: Sequence[ColumnNetwork]) -> list[list[int]]:
    """Return the places of networks whose weights have the same shapes, in order of the first of each: a tuned candidate may be wider or
    deeper than another of its recipe."""
    groups: dict[Any, list[int]] = {}
    for i, network in enumerate(networks):
        encoders = tuple(("looked up",) if type(e) is Lookup else _shape(e) for e in network.encoders)
        groups.setdefault((type(network.trunk), _shape(network.trunk), encoders), []).append(i)
    return list(groups.values())


def stacked(networks: Sequence[ColumnNetwork], codecs: Sequence[Codecs]) -> Stack | None:
    """Return the networks as one, or None where they have other parts or differ in shape."""
    first = networks[0]
    names = list(codecs[0])
    size = sum(p.numel() for n in networks for p in n.parameters() if p.dim() < 2 or p.shape[0] < _KNOWN)
    if 4 * size > _MOST or any(list(c) != names for c in codecs):
        return None
    if not all(type(n.fusion) is GatedFusion and type(n.trunk) is type(first.trunk) for n in networks):
        return None
    if type(first.trunk) not in (TabM, Trunk) or {str(p.device) for p in first.parameters()} != {"cpu"}:
        return None
    if len({_shape(n.trunk) for n in networks}) > 1:  # a tuned candidate may be wider or deeper than another
        return None
    columns: list[_Numbers | _Looked | _Convolved] = []
    for i, name in enumerate(names):
        encoders: list[Any] = [list(n.encoders)[i] for n in networks]
        own = [c[name][1] for c in codecs]
        kinds = {type(e) for e in encoders}
        if not kinds <= {Lookup} and len({_shape(e) for e in encoders}) > 1:  # vectors looked up may differ in width
            return None
        if kinds == {PiecewiseLinear} and all(isinstance(c, NumbersTensor) for c in own):
            columns.append(_Numbers(name, encoders, own))
        elif kinds == {Lookup}:
            columns.append(_Looked(name, encoders, own))
        elif (
            kinds == {TextCNN}
            and all(isinstance(c, TokenCodec) for c in own)
            and len({(e.widest, e.embed.pairs is None) for e in encoders}) == 1
        ):
            columns.append(_Convolved(name, encoders, own))
        else:
            return None
    return Stack(columns, networks)


def _shape(part: Any) -> tuple[Any, ...]:
    """Return the shapes of a trunk's or an encoder's weights, but for those that follow the columns of its own fold and its vocabulary."""
    free = set()
    if isinstance(part, TabM):
        free = {id(part.first), id(part.linears[0].weight)}
    elif isinstance(part, Trunk):
        free = {id(_entrance(part).weight)}
    elif isinstance(part, TextCNN):
        free = {id(p) for p in part.embed.parameters()}
    own = [(name, *(p.shape[:-1] if id(p) in free else p.shape)) for name, p in part.named_parameters()]
    if isinstance(part, TextCNN):  # of words and pairs of characters how wide, not how many
        own = [x for x in own if x[0] not in {f"embed.{n}" for n, _ in part.embed.named_parameters()}]
        own.append(("embed", part.embed.words.weight.shape[1]))
    return tuple(own) + tuple((n, *b.shape) for n, b in part.named_buffers() if not isinstance(part, TextCNN))


def _numpy(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.detach().cpu().numpy(), np.float32)


class _Numbers:
    """Piecewise linear embeddings of a column's numbers."""

    def __init__(self, name: str, encoders: list[Any], codecs: list[Any]) -> None:
        self.name, self.codec = name, type(codecs[0])
        self.center, self.scale = (np.stack([np.asarray(getattr(c, k)) for c in codecs]) for k in ("center", "scale"))
        self.low, self.inverse = (np.stack([_numpy(getattr(e, k)) for e in encoders]) for k in ("low", "inverse"))
        self.weight = np.stack([np.concatenate([_numpy(e.weight), _numpy(e.linear)], axis=1) for e in encoders])
        self.bias = np.stack([_numpy(e.bias) for e in encoders])
        self.widths = [e.width for e in encoders]
        _, features, bins = self.low.shape
        self._held = np.empty((len(encoders), features, 1, bins + 2), np.float32)

    def encode(self, values: pa.Array) -> np.ndarray:
        """Return vectors [M, width] of a single cell."""
        raw = once(("features", self.codec), values, lambda: self.codec.features(values))[0]
        missing = ~np.isfinite(raw)
        x = np.clip((np.where(missing, self.center, raw) - self.center) / self.scale, -4, 4).astype(np.float32)
        held = np.empty_like(self._held)
        held[:, :, 0, :-2] = ((x[:, :, None] - self.low) * self.inverse).clip(0, 1) * ~missing[:, None]
        held[:, :, 0, -2], held[:, :, 0, -1] = x * ~missing, missing
        out = np.matmul(held, self.weight)[:, :, 0] + self.bias
        return np.maximum(out, 0).reshape(len(out), -1)


class _Looked:
    """Vectors of a column's values; those met before are kept."""

    def __init__(self, name: str, encoders: list[Any], codecs: list[Any]) -> None:
        self.name, self.codecs = name, codecs
        self.tables = [_numpy(e.table.weight) for e in encoders]
        self.widths = [e.width for e in encoders]
        self._known: dict[Any, np.ndarray] = {}

    def encode(self, values: pa.Array) -> np.ndarray:
        """Return vectors [M, width] of a single cell; narrower ones end in zeros."""
        value = listed(values)[0]
        found = self._known.get(value)
        if found is None:
            found = np.zeros((len(self.tables), max(self.widths)), np.float32)
            for row, table, codec in zip(found, self.tables, self.codecs, strict=True):
                vector = table[int(codec.encode(values)["ids"][0])]
                row[: len(vector)] = vector
            if len(self._known) < _KNOWN:
                self._known[value] = found
        return found


class _Convolved:
    """Convolutions over a text's tokens, pooled, and the mean of the tokens' vectors."""

    def __init__(self, name: str, encoders: list[Any], codecs: list[Any]) -> None:
        self.name, self.codecs, self.widest = name, codecs, encoders[0].widest
        self.words = [_numpy(e.embed.words.weight) for e in encoders]
        self.pairs = [None if e.embed.pairs is None else _numpy(e.embed.pairs.weight) for e in encoders]
        self.weights = [
            (
                np.ascontiguousarray(np.stack([_numpy(e.convolutions[w].weight).T for e in encoders])),
                np.stack([_numpy(e.convolutions[w].bias) for e in encoders]),
            )
            for w in range(self.widest)
        ]
        self.widths = [e.width for e in encoders]

    def encode(self, values: pa.Array) -> np.ndarray:
        """Return vectors [M, width] of a single cell."""
        vectors = []
        for words, pairs, codec in zip(self.words, self.pairs, self.codecs, strict=True):
            if pairs is None:
                vectors.append(words[codec.ids(values).values])
            else:
                found = codec.encode(values)
                vectors.append(words[found["ids"].values] + pairs[found["bigrams"].values])
        longest, each = max(map(len, vectors)), vectors[0].shape[1]
        x = np.zeros((len(vectors), longest + self.widest - 1, each), np.float32)
        for row, vector in zip(x, vectors, strict=True):
            row[self.widest - 1 : self.widest - 1 + len(vector)] = vector
        windows = np.concatenate([x[:, j : j + longest] for j in range(self.widest)], axis=2)
        short = [(m, len(v)) for m, v in enumerate(vectors) if len(v) < longest]
        parts = []
        for w, (weight, bias) in enumerate(self.weights, 1):
            out = np.matmul(windows[:, :, (self.widest - w) * each :], weight)
            for m, length in short:  # windows that end behind the last token are none
                out[m, length:] = -np.inf
            parts.append(np.maximum(out.max(axis=1) + bias, 0))
        parts.append(np.stack([v.sum(axis=0) / np.float32(len(v)) for v in vectors]))
        return np.concatenate(parts, axis=1)


class Stack:
    """Networks side by side: raw outputs [M, m, K] of a single row (m is 1 for a plain trunk)."""

    def __init__(self, columns: Sequence[_Numbers | _Looked | _Convolved], networks: Sequence[ColumnNetwork]) -> None:
        self.columns = list(columns)
        widths = [max(c.widths) for c in columns]
        starts, total = np.cumsum([0, *widths]), sum(widths)
        places, gates = [], np.zeros((len(networks), total), np.float32)
        for m, network in enumerate(networks):
            own = [np.arange(s, s + c.widths[m]) for s, c in zip(starts, columns)]
            places.append(np.concatenate(own))
            for at, gate in zip(own, _numpy(network.fusion.gates)):
                gates[m, at] = gate
        trunks: list[Any] = [n.trunk for n in networks]
        self.tabm = type(trunks[0]) is TabM
        into = [_numpy(t.linears[0].weight) if self.tabm else _entrance_weights(t) for t in trunks]

        def wide(weight: np.ndarray, m: int) -> np.ndarray:
            """Spread columns [.., D of one network] over the places [.., D of the widest]."""
            out = np.zeros((*weight.shape[:-1], total), np.float32)
            out[..., places[m]] = weight
            return out

        first = np.stack([wide(w, m).T for m, w in enumerate(into)])  # [M, D, H]
        if self.tabm:
            signs = np.stack([wide(_numpy(t.first), m) for m, t in enumerate(trunks)])
            self.turn = signs * gates[:, None]  # [M, m, D]
            later = [
                np.stack([_numpy(t.linears[i].weight).T for t in trunks]) for i in range(1, len(trunks[0].linears))
            ]
            self.layers = [
                (w, np.stack([_numpy(t.scales[i]) for t in trunks]), np.stack([_numpy(t.biases[i]) for t in trunks]))
                for i, w in enumerate([first, *later])
            ]
            self.head = np.stack([_numpy(t.head) for t in trunks])  # [M, m, H, K]
            self.head_bias = np.stack([_numpy(t.head_bias) for t in trunks])
        else:
            self.turn = gates[:, None]
            linears = [[p for p in t.hidden if hasattr(p, "weight")] + [t.head] for t in trunks]
            weights = [
                first,
                *(np.stack([_numpy(own[i].weight).T for own in linears]) for i in range(1, len(linears[0]))),
            ]
            biases = [np.stack([_numpy(own[i].bias) for own in linears])[:, None] for i in range(len(linears[0]))]
            self.plain = list(zip(weights, biases, strict=True))

    def outputs(self, table: Table) -> np.ndarray:
        """Return raw outputs [M, m, K] float32 of the table's one row."""
        vector = np.concatenate([c.encode(table.column(c.name)) for c in self.columns], axis=1)
        y = vector[:, None] * self.turn
        if not self.tabm:
            for i, (weight, bias) in enumerate(self.plain):
                y = np.matmul(y, weight) + bias
                if i + 1 < len(self.plain):
                    y = y * (0.5 * (1 + np.tanh(0.5 * y)))  # SiLU
            return y
        for weight, scale, bias in self.layers:
            y = np.maximum(np.matmul(y, weight) * scale + bias, 0)
        out: np.ndarray = np.matmul(y[:, :, None], self.head)[:, :, 0] + self.head_bias
        return out


def _entrance(trunk: Any) -> Any:
    return next((p for p in trunk.hidden if hasattr(p, "weight")), trunk.head)


def _entrance_weights(trunk: Any) -> np.ndarray:
    return _numpy(_entrance(trunk).weight)


def to_scores(outputs: np.ndarray, kind: str, units: Sequence[tuple[float, float]]) -> np.ndarray:
    """Turn raw outputs [M, m, K] into scores [M, 1, K] float64; members are averaged as probabilities."""
    if kind == "classes":
        raised = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
        scores = raised / raised.sum(axis=-1, keepdims=True)
    elif kind == "label_sets":
        scores = 0.5 * (1 + np.tanh(0.5 * outputs))
    else:
        mean, std = (np.array(v, np.float32)[:, None, None] for v in zip(*units, strict=True))
        scores = outputs * std + mean
    return scores.mean(axis=1, keepdims=True).astype(np.float64)
