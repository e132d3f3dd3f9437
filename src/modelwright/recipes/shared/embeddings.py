"""Embeddings of columns by pretrained encoders, each cell embedded once, and other columns' sparse features beside them.

An encoder that stays as it is learns nothing from rows, so folds, refits and trials share what was embedded.

Legend: N rows, D features, E embedding width, K outputs.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.device import for_cache
from modelwright.core.errors import ModelwrightError
from modelwright.core.memory_pages import keep_pages
from modelwright.core.recipe import FitContext
from modelwright.core.saved import read_tensors, write_tensors
from modelwright.core.schema import Table
from modelwright.data.kinds.base import kind_of
from modelwright.features.base import Ragged
from modelwright.features.shared.hub import HubCodec
from modelwright.recipes.shared.columns import ColumnCodecs, identity, usable
from modelwright.recipes.shared.pretrained import Codecs, hub_codecs

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_TOKENS, _ROWS = 4096, 256  # of one call
_PIECE = 512  # rows between two looks at the deadline
_MOST = 512 << 20  # bytes of embeddings that are kept
_LEAST_SPREAD = 0.1  # of the usual deviation: what hardly varies in a few rows would be blown up
_KNOWN: dict[bytes, np.ndarray] = {}  # by encoder and content


class Stacked:
    """A matrix [N, D] of a dense part and a sparse one side by side, with the few operations that the solvers need."""

    def __init__(self, dense: np.ndarray, rest: csr_matrix | None) -> None:
        self.dense, self.rest = dense, rest
        self.shape = (len(dense), dense.shape[1] + (0 if rest is None else rest.shape[1]))

    def __matmul__(self, weights: np.ndarray) -> np.ndarray:
        out = self.dense @ weights[: self.dense.shape[1]]
        return out if self.rest is None else out + self.rest @ weights[self.dense.shape[1] :]

    def transposed(self) -> Turned:
        """Return what multiplies columns [N, K] from the left by the transpose."""
        return Turned(self.dense, None if self.rest is None else self.rest.T.tocsr())

    def sparse(self) -> csr_matrix:
        """Return the same as one CSR matrix [N, D]."""
        from scipy.sparse import csr_matrix, hstack

        parts = [csr_matrix(self.dense)] + ([] if self.rest is None else [self.rest])
        return csr_matrix(hstack(parts, format="csr", dtype=np.float32))


class Turned:
    """The transpose of a `Stacked`."""

    def __init__(self, dense: np.ndarray, rest: csr_matrix | None) -> None:
        self.dense, self.rest = dense, rest

    def __matmul__(self, values: np.ndarray) -> np.ndarray:
        out = self.dense.T @ values
        return out if self.rest is None else np.concatenate([out, self.rest @ values])


class Scaling:
    """Embeddings [N, E] with each feature centred and by its deviation, of unit length in the mean square, as the penalty and what
    stands beside them expect; and the way back for weights, so that a model answers from embeddings as they come."""

    def __init__(self, mean: np.ndarray, spread: np.ndarray) -> None:
        self.mean, self.spread = mean, spread

    @classmethod
    def of(cls, embeddings: np.ndarray) -> Scaling:
        """Return the scaling that suits the embeddings [N, E] of training rows; none where they do not vary."""
        mean, width = embeddings.mean(0, dtype=np.float64), embeddings.shape[1]
        deviation = embeddings.std(0, dtype=np.float64)
        usual = float(np.median(deviation[deviation > 0])) if (deviation > 0).any() else 0.0
        if usual == 0.0:
            return cls(np.zeros(width, np.float32), np.ones(width, np.float32))
        spread = np.maximum(deviation, _LEAST_SPREAD * usual) * np.sqrt(width)
        return cls(mean.astype(np.float32), spread.astype(np.float32))

    def scaled(self, embeddings: np.ndarray) -> np.ndarray:
        """Return embeddings [N, E] scaled."""
        return (embeddings - self.mean) / self.spread

    def folded(self, weights: np.ndarray) -> np.ndarray:
        """Return the weights [D + 1, K] over embeddings as they come that answer as `weights` over scaled ones; the embeddings' rows
        come first, the bias last."""
        out, wide = weights.copy(), len(self.mean)
        out[:wide] /= self.spread[:, None]
        out[-1] -= self.mean @ out[:wide]
        return out


class Beside:
    """The features next to the embeddings: every column's sparse view, made `size` times as large; of a text that was embedded its
    n-grams, but of embedded media nothing: hundreds of figures of their pixels or their sound would drown the embeddings."""

    def __init__(self, columns: ColumnCodecs | None, size: float) -> None:
        self.columns, self.size = columns, size

    @classmethod
    def fit(
        cls,
        embeddings: np.ndarray,
        embedded: Iterable[str],
        table: Table,
        truth: np.ndarray,
        size: float,
        ctx: FitContext,
    ) -> tuple[Beside, Stacked]:
        """Return it fitted on a table of which the columns `embedded` were embedded [N, E], and the table's stacked features."""
        table = _without_media(table, embedded)
        if not usable(table.schema, "sparse") or size == 0:
            return cls(None, size), Stacked(embeddings, None)
        columns, matrix = ColumnCodecs.fit(table, "sparse", truth, ctx.seed)
        return cls(columns, size), Stacked(embeddings, (matrix * np.float32(size)).tocsr())

    def join(self, embeddings: np.ndarray, table: Table) -> Stacked:
        """Return the stacked features of a table [N, D]."""
        if self.columns is None:
            return Stacked(embeddings, None)
        return Stacked(embeddings, (self.columns.encode(table) * np.float32(self.size)).tocsr())

    def save(self, folder: Path) -> None:
        """Write the codecs of the columns, if there are any."""
        if self.columns is not None:
            self.columns.save(folder)

    def state(self) -> dict[str, Any]:
        """Return the JSON half of the state."""
        return {"size": self.size, "widths": None if self.columns is None else self.columns.widths}

    @classmethod
    def load(cls, folder: Path, state: Mapping[str, Any]) -> Beside:
        """Read what `save` and `state` gave."""
        widths = state["widths"]
        return cls(None if widths is None else ColumnCodecs.load(folder, widths), float(state["size"]))


class Embeddings:
    """Codecs and encoders of the columns, in order; rows to embeddings [N, E], each column's of about unit length."""

    def __init__(self, codecs: Codecs, encoders: list[Any], device: str = "cpu") -> None:
        self.codecs, self.encoders, self.device = codecs, encoders, device

    @classmethod
    def build(cls, codecs: Codecs, device: str = "cpu") -> Embeddings:
        """Build the encoders: with their weights where the codecs know a folder."""
        from modelwright.models.encoders.base import encoder_class

        made = [encoder_class(column.modality, "hub")(codec, None).to(device) for column, codec in codecs.values()]
        return cls(codecs, [e.eval() for e in made], device)

    def of(self, table: Table) -> np.ndarray:
        """Return the embeddings [N, E] of a table."""
        parts = [self._column(table, i) for i in range(len(self.encoders))]
        return np.concatenate(parts, axis=1)

    def _column(self, table: Table, at: int) -> np.ndarray:
        """Return one column's embeddings [N, E]: rows of like length together, vectors of unit length, missing ones 0."""
        import torch

        from modelwright.train.batches import collate, lengths

        name = list(self.codecs)[at]
        codec: Any = self.codecs[name][1]
        arrays = codec.encode(table.column(name))
        alike = max(1, min(32, 2 * _TOKENS // max(1, codec.tokens)))
        sizes = lengths(arrays, len(table)) if any(isinstance(a, Ragged) for a in arrays.values()) else None
        order = np.arange(len(table)) if sizes is None else np.argsort(sizes, kind="stable")
        out, encoder = np.zeros((len(table), self.encoders[at].width), np.float32), self.encoders[at]
        start = 0
        with torch.inference_mode():
            while start < len(order):
                ahead = order[start : start + (_ROWS if sizes is not None else alike)]
                if sizes is not None:
                    ahead = ahead[: max(1, int((sizes[ahead] * np.arange(1, len(ahead) + 1) <= _TOKENS).sum()))]
                vectors = encoder(collate(arrays, ahead, self.device)).vector
                out[ahead] = torch.nn.functional.normalize(vectors, dim=1).cpu().numpy()
                start += len(ahead)
        return out

    def save(self, folder: Path) -> None:
        """Write the encoders' weights."""
        tensors = {f"{i}.{k}": v for i, e in enumerate(self.encoders) for k, v in e.state_dict().items()}
        write_tensors(folder / "encoders.safetensors", tensors)

    @classmethod
    def load(cls, codecs: Codecs, folder: Path) -> Embeddings:
        """Build the encoders and fill them with what `save` wrote."""
        out = cls.build(codecs)
        tensors = read_tensors(folder / "encoders.safetensors")
        for i, encoder in enumerate(out.encoders):
            start = f"{i}."
            encoder.load_state_dict({k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)})
        return out


class Embedder:
    """Embeds tables once: what was embedded stays in the run's cache by rows and encoder."""

    def __init__(self, codecs: Codecs, ctx: FitContext) -> None:
        import torch

        torch.set_num_threads(max(1, ctx.threads))
        keep_pages()
        self.embeddings, self.device = Embeddings.build(codecs, ctx.device), str(ctx.device)
        states = [c.key() for _, c in codecs.values() if isinstance(c, HubCodec)]
        self.key = hashlib.blake2b(repr((states, ctx.device)).encode()).digest()

    @classmethod
    def of(cls, table: Table, wanted: Mapping[str, Mapping[str, Any]], ctx: FitContext) -> Embedder:
        """Return the embedder for a table's columns, made once for its rows."""
        key = ("embedder", str(sorted(wanted.items())), identity(table))
        if key not in ctx.cache:
            ctx.cache[key] = cls(hub_codecs(table, wanted, ctx.seed), ctx)
        made: Embedder = ctx.cache[key]
        return made

    def probe(self, table: Table) -> tuple[float, int]:
        """Return seconds to embed a row, of the processor where that does the work, and bytes of the encoders."""
        clock = (
            time.process_time if self.device == "cpu" else time.perf_counter
        )  # the load of the machine is counted elsewhere
        self.embeddings.of(table.take(np.arange(min(4, len(table)))))
        start = clock()
        self.embeddings.of(table)
        size = sum(p.numel() * 4 for e in self.embeddings.encoders for p in e.parameters())
        return (clock() - start) / max(1, len(table)), 2 * size

    def embed(self, table: Table, ctx: FitContext) -> np.ndarray:
        """Return the embeddings [N, E] of a table, cells known from before not embedded again.

        Raises ModelwrightError where the deadline passes before all are.
        """
        if len(table) == 0:
            return np.zeros((0, sum(e.width for e in self.embeddings.encoders)), np.float32)
        columns = [table.column(name).to_pylist() for name in self.embeddings.codecs]
        keys = [self.key + hashlib.blake2b(repr([_cell(v) for v in row]).encode()).digest() for row in zip(*columns)]
        fresh = [i for i, k in enumerate(keys) if k not in _KNOWN]
        if sum(v.nbytes for v in list(_KNOWN.values())[:1]) * (len(_KNOWN) + len(fresh)) > for_cache(_MOST, 8):
            _KNOWN.clear()
            fresh = list(range(len(keys)))
        kept = {k: _KNOWN[k] for k in keys if k in _KNOWN}
        for start in range(0, len(fresh), _PIECE):
            if ctx.deadline.expired():
                raise ModelwrightError("time ran out while rows were embedded", "计算嵌入时时间已用尽")
            index = np.array(fresh[start : start + _PIECE])
            for i, vector in zip(index, self.embeddings.of(table.take(index)), strict=True):
                kept[keys[i]] = _KNOWN[keys[i]] = vector
        return np.stack([kept[k] for k in keys])


def _without_media(table: Table, names: Iterable[str]) -> Table:
    """Return a table without those of the named columns that hold media."""
    slow = {n for n in names if (kind := kind_of(table.schema[n].modality)) is not None and kind.slow}
    return table.with_schema(table.schema.with_columns({n: {"role": "ignored"} for n in slow})) if slow else table


def _cell(value: Any) -> Any:
    """Return what tells a cell from others: of media the digest of their content."""
    return value["digest"] if isinstance(value, dict) else value
