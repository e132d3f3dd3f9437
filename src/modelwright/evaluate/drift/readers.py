"""From a column to its figures: what of a text, a picture or a sound is looked at, and how a row's bins are found.

Numbers, categories and dates are looked at as they are. Of a text: its length, its script, and a random projection of its hashed
words and letter groups; of media: brightness or loudness, and a random projection of the figures that trees read. The
projections are drawn from a seed and learn nothing of the rows but mean and deviation. Legend: N rows, D features, P projections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.schema import Column
from modelwright.evaluate.drift.figures import BINS, Figure, named, ordered, shares
from modelwright.features.base import codec_class

PROJECTIONS = 12
_BUCKETS = 4096  # that words and letter groups of a text are hashed into
_SKETCH_BINS = 10
_TEXTS = ("text", "molecule", "sequence")
_MEDIA = ("image", "audio", "video", "series")
_STATES = ("present", "missing", "unreadable")
_LEAST_STATE = 0.05  # share of rows that may newly be missing or unreadable before it is worth an alarm
LARGEST = 1e140
_FEATURES = 32  # random Fourier features of an embedding


@dataclass(frozen=True)
class Reader:
    """How one column is read: its figures in order, and what their making needs.

    `mean` and `deviation` [P] standardise the projection, `fourier` [D] is the mean of its random Fourier features and `spread`
    [D] the eigenvalues of their covariance; `moments` are mean and deviation of a number; all of training rows.
    """

    column: str
    modality: str
    figures: tuple[Figure, ...]
    codec: Mapping[str, Any] | None = None  # state of the codec whose figures are projected
    scale: tuple[tuple[float, ...], tuple[float, ...]] | None = None  # mean and deviation of these figures [D]
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    fourier: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    moments: tuple[float, float] | None = None
    rows: int = 0  # behind `fourier`

    def codes(self, values: pa.Array, unreadable: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the bins of the column's figures [N, F], -1 for none, and the standardised projection [N, P] if there is one.

        `unreadable` [N] says which cells could not be read; they are null in `values`.
        """
        state = np.where(unreadable, 2, np.asarray(values.is_null()).astype(np.int64)).astype(np.int16)
        found, projected = _measures(self, values)
        out = [state]
        for figure in self.figures[1:]:
            measure = found[figure.part]
            out.append(figure.code(measure) if figure.kind == "ordered" else figure.code_values(measure))
        return np.stack(out, axis=1), projected

    def to_json(self) -> dict[str, Any]:
        """Return the reader as JSON values."""
        out: dict[str, Any] = {
            "column": self.column, "modality": self.modality, "figures": [f.to_json() for f in self.figures],
        }  # fmt: skip
        for name in ("codec", "scale", "mean", "deviation", "fourier", "spread", "moments", "rows"):
            if (value := getattr(self, name)) or value == {}:  # of pictures the codec has nothing to keep, and is one
                out[name] = value
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reader:
        """Read what `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        lists = {n: _finite(data.get(n, ())) for n in ("mean", "deviation", "fourier", "spread")}
        scale, moments = data.get("scale"), data.get("moments")
        figures = tuple(Figure.from_json(f) for f in data["figures"])
        projected = sum(f.part.startswith("sketch") for f in figures)
        if len(lists["mean"]) != projected or len(lists["deviation"]) != projected:
            raise ValueError("projections without their scale")
        return cls(
            str(data["column"]), str(data["modality"]), figures,
            data.get("codec", {} if scale else None),  # bundles made earlier lack a codec that has nothing to keep
            (_finite(scale[0]), _finite(scale[1])) if scale else None, **lists,
            moments=(float(moments[0]), float(moments[1])) if moments else None, rows=int(data.get("rows", 0)),
        )  # fmt: skip


def _finite(values: Any) -> tuple[float, ...]:
    found = tuple(float(v) for v in values)
    if not np.isfinite(found).all():
        raise ValueError("a number that is not finite")
    return found


def fit_reader(column: Column, values: pa.Array, seed: int = 0) -> Reader:
    """Return the reader of a column and its figures on training values [N]."""
    missing = values.null_count
    state = named(
        column.name, "state", _STATES, [len(values) - missing, missing, 0], least=_LEAST_STATE
    )  # fmt: skip
    reader = Reader(column.name, column.modality, (state,))
    known = values.drop_null()
    if column.modality in _MEDIA and len(known):
        reader = _fitted_media(reader, column, known, seed)
    measures, projected = _measures(reader, known)
    if projected is not None and len(projected):
        mean, deviation = projected.mean(axis=0), np.maximum(projected.std(axis=0), 1e-9)
        reader = replace(reader, mean=_short(mean), deviation=_short(deviation))
        measures, projected = _measures(reader, known)
        fourier = fourier_features(_some(projected))
        spread = np.linalg.eigvalsh(np.cov(fourier, rowvar=False)) if len(fourier) > 1 else np.zeros(0)
        reader = replace(reader, fourier=_short(fourier.mean(axis=0)), spread=_short(spread), rows=len(fourier))
    figures = [state, *_figures(column, measures)]
    if column.modality == "number" and len(known):
        numbers = measures["value"]
        reader = replace(reader, moments=(_shorter(numbers.mean()), _shorter(numbers.std())))
    return replace(reader, figures=tuple(figures))


def _some(projected: np.ndarray | None) -> np.ndarray:
    return np.zeros((0, PROJECTIONS)) if projected is None else projected


def _figures(column: Column, measures: Mapping[str, Any]) -> list[Figure]:
    out = []
    for part, measure in measures.items():
        if isinstance(measure, pa.Array):
            keep = ("false", "true") if column.modality == "boolean" else None
            out.append(shares(column.name, part, measure, keep=keep))
        elif column.modality == "timestamp":  # time goes on: what is later than all training rows is no alarm
            out.append(ordered(column.name, part, measure, alarms=False))
        else:
            bins = _SKETCH_BINS if part.startswith("sketch") else BINS
            out.append(ordered(column.name, part, measure, bins=bins))
    return out


def _measures(reader: Reader, values: pa.Array) -> tuple[dict[str, Any], np.ndarray | None]:
    """Return by part the numbers [N] (NaN where missing) or strings [N] of values, and the projection [N, P] if there is one."""
    modality = reader.modality
    if modality == "number":
        return {"value": _numbers(values)}, None
    if modality == "timestamp":
        return {"value": _numbers(values.cast(pa.int64())) / 1e6}, None
    if modality in ("category", "boolean", "id"):
        return {"value": values.cast(pa.string())}, None
    if modality == "labels":
        return {"count": _numbers(pc.list_value_length(values))}, None
    plain, projected = _of_texts(values) if modality in _TEXTS else _of_media(reader, values)
    if projected is None:
        return plain, None
    if reader.mean:
        projected = (projected - np.asarray(reader.mean)) / np.asarray(reader.deviation)
    return plain | {f"sketch {i + 1}": projected[:, i] for i in range(projected.shape[1])}, projected


def _numbers(values: pa.Array) -> np.ndarray:
    """Return numbers [N], NaN where missing; held so far from the largest ones that squares can be added."""
    return np.clip(np.asarray(values.cast(pa.float64()).fill_null(float("nan")), np.float64), -LARGEST, LARGEST)


# -- texts -----------------------------------------------------------------------------------------------------------


def _of_texts(values: pa.Array) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    from modelwright.features.shared.hashing import text_figures

    listed = values.to_pylist()
    missing = np.array([v is None for v in listed], bool)
    texts = [v or "" for v in listed]
    about = text_figures(texts).astype(np.float64)
    about[missing] = np.nan
    plain = {
        "length": about[:, 0],
        "digits": about[:, 2],
        "capitals": about[:, 3],
        "han": about[:, 4],
        "marks": about[:, 5],
    }
    projected = sketch(texts)
    projected[missing] = np.nan
    return plain, projected


def sketch(texts: list[str]) -> np.ndarray:
    """Return a random projection [N, P] of the unit vectors of hashed words and groups of three letters."""
    from scipy.sparse import csr_matrix

    from modelwright.features.shared.hashing import char_ngrams, fold, lay_out, word_ngrams

    if not texts:
        return np.zeros((0, PROJECTIONS))
    laid = lay_out([fold(t) for t in texts])
    hashes, rows = [], []
    for found, starts, _ in word_ngrams(laid, bigrams=False):
        hashes.append(found)
        rows.append(laid.rows[starts])
    for found, starts, _ in char_ngrams(laid, 3, 3):
        hashes.append(found)
        rows.append(laid.rows[starts])
    bucket = (np.concatenate(hashes) >> np.uint64(52)).astype(np.int64)  # the upper bits: 2**12 buckets
    counts = csr_matrix((np.ones(len(bucket)), (np.concatenate(rows), bucket)), (len(texts), _BUCKETS))
    length = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    return np.asarray(counts @ _directions(_BUCKETS)) / np.maximum(length, 1.0)[:, None]


@cache
def _directions(width: int) -> np.ndarray:
    """Return random directions [D, P], the same on every machine."""
    return np.random.default_rng(width).standard_normal((width, PROJECTIONS))


# -- media -----------------------------------------------------------------------------------------------------------


def _fitted_media(reader: Reader, column: Column, known: pa.Array, seed: int) -> Reader:
    kind = codec_class(column.modality, "dense")
    codec = kind.fit(known, column, None, seed) if kind is not None else None
    if codec is None or codec.arrays():  # what is learnt of the rows is no business of a reference
        return reader
    reader = replace(reader, codec=codec.state())
    found = _dense(reader, known)
    if not np.isfinite(found).all(axis=1).any():
        return replace(reader, codec=None)
    scale = _short(np.nanmean(found, axis=0)), _short(np.maximum(np.nanstd(found, axis=0), 1e-6))
    return replace(reader, scale=scale)


def _dense(reader: Reader, values: pa.Array) -> np.ndarray:
    kind = codec_class(reader.modality, "dense")
    if kind is None or reader.codec is None:
        return np.zeros((len(values), 0))
    found = kind.restore(reader.codec, {}).encode(values)
    return np.asarray(found, np.float64)


_PLAIN: dict[str, Callable[[np.ndarray], dict[str, np.ndarray]]] = {
    # the last 192 of a picture's figures are the picture itself at 8 x 8 in three colours
    "image": lambda x: {
        "brightness": x[:, -192:].mean(axis=1),
        "contrast": x[:, -192:].std(axis=1),
        "colour": np.ptp(x[:, -192:].reshape(len(x), 64, 3), axis=2).mean(axis=1),
    },
    # the last five of a sound's: length, loudness at its highest and lowest, its deviation, and where it is highest
    "audio": lambda x: {"length": x[:, -5], "loudness": x[:, -4], "silence": x[:, -3]},
}


def _of_media(reader: Reader, values: pa.Array) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    if reader.codec is None or reader.scale is None:
        return {}, None
    found = _dense(reader, values) if len(values) else np.zeros((0, len(reader.scale[0])))
    missing = np.asarray(values.is_null())
    found[missing] = np.nan
    told = _PLAIN.get(reader.modality)
    plain = told(found) if told is not None else {}
    scaled = np.clip((found - np.asarray(reader.scale[0])) / np.asarray(reader.scale[1]), -5, 5)
    return plain, np.nan_to_num(scaled) @ _directions(found.shape[1]) / np.sqrt(found.shape[1]) + np.where(
        missing, np.nan, 0.0
    ).reshape(-1, 1)


def fourier_features(projected: np.ndarray) -> np.ndarray:
    """Return random Fourier features [N, D] of a standardised projection [N, P]; rows without one are left out.

    Their inner products approach a Gaussian kernel whose width is the root of P.
    """
    known = projected[np.isfinite(projected).all(axis=1)]
    rng = np.random.default_rng(7)
    turn = rng.standard_normal((projected.shape[1], _FEATURES)) / np.sqrt(projected.shape[1])
    return np.sqrt(2 / _FEATURES) * np.cos(known @ turn + rng.uniform(0, 2 * np.pi, _FEATURES))


def _short(values: np.ndarray) -> tuple[float, ...]:
    return tuple(_shorter(v) for v in values)


def _shorter(value: float) -> float:
    """Round to four significant digits."""
    return float(f"{float(value):.4g}")
