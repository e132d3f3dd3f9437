"""What an export's own encoders need to know, as one JSON file: columns, codecs with all they learnt, labels and weights.

Arrays are base64 of little-endian numbers, so that any language reads them without a library.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.run import write_json
from modelwright.features.shared import table as _table
from modelwright.features.shared import tensors as _tensors
from modelwright.features.shared.ngrams import NgramCodec, ReducedNgramCodec
from modelwright.features.shared.tokens import BIGRAMS, TokenCodec
from modelwright.recipes.shared.columns import beside_text, part_scale

FILES = ("encode.py", "encode.mjs")
_KNOWN = frozenset(("number", "category", "boolean", "timestamp", "text"))


def packed(array: np.ndarray) -> dict[str, Any]:
    """Return an array of any shape, uint64, float32 or float64, as JSON values. Raises KeyError for another type."""
    kinds = {"uint64": "<u8", "float32": "<f4", "float64": "<f8"}
    kind = kinds[str(array.dtype)]
    held = np.ascontiguousarray(array, kind)
    return {"type": kind[1:], "shape": list(held.shape), "data": base64.b64encode(held.tobytes()).decode()}


def _ngrams(codec: NgramCodec) -> dict[str, Any]:
    blocks = [{"hashes": packed(keys), "idf": packed(idf)} for keys, idf, _ in codec.blocks]
    figures = None if codec.figures is None else packed(np.asarray(codec.figures, np.float32))
    return {
        "type": "ngrams",
        "chars": list(codec.chars),
        "blocks": blocks,
        "figures": figures,
        "figure_weight": codec.weight,
    }


def _reduced(codec: ReducedNgramCodec) -> dict[str, Any]:
    return {**_ngrams(codec.grams), "type": "reduced", "directions": packed(np.asarray(codec.directions, np.float32))}


def _numbers(codec: Any) -> dict[str, Any]:
    return {"center": list(map(float, codec.center)), "scale": list(map(float, codec.scale))}


_TOLD: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    NgramCodec: _ngrams,
    ReducedNgramCodec: _reduced,
    _table.NumberSparse: lambda c: {"type": "number-sparse", **c.state(), "bend": c.bend},
    _table.CategorySparse: lambda c: {"type": "category-sparse", "names": c.names},
    _table.BooleanSparse: lambda c: {"type": "boolean-sparse"},
    _table.TimestampSparse: lambda c: {"type": "timestamp-sparse", **c.days.state(), "bend": c.days.bend},
    _table.NumberDense: lambda c: {"type": "number-dense"},
    _table.CategoryDense: lambda c: {
        "type": "category-dense",
        "names": c.names,
        "counts": c.counts if len(c.categorical) > 1 else None,
    },
    _table.BooleanDense: lambda c: {"type": "boolean-dense"},
    _table.TimestampDense: lambda c: {"type": "timestamp-dense"},
    _tensors.NumberTensor: lambda c: {"type": "number-tensor", **_numbers(c)},
    _tensors.TimestampTensor: lambda c: {"type": "timestamp-tensor", **_numbers(c)},
    _tensors.CategoryTensor: lambda c: {"type": "category-tensor", "values": c.values, "buckets": c.buckets},
    _tensors.BooleanTensor: lambda c: {"type": "boolean-tensor"},
    TokenCodec: lambda c: {"type": "tokens", **c.state(), "bigrams": BIGRAMS},
}


def described(model: Any, kind: str) -> dict[str, Any] | None:
    """Return how a member's inputs are made of a row; None where only Modelwright itself can make them."""
    form = {"constant": "rows", "linear": "stored", "network": "tensors"}.get(kind)
    form = "dense" if kind in ("trees", "catboost", "extratrees") else form
    if form is None or getattr(model, "crosses", None) is not None:
        return None
    if form == "rows":
        return {"form": form, "codecs": []}
    held = getattr(getattr(model, "columns", model), "codecs", None)
    if held is None:
        return None
    codecs, beside = [], beside_text(c for c, _ in held.values())
    for name, (column, codec) in held.items():
        tell = _TOLD.get(type(codec))
        if tell is None:
            return None
        scale = part_scale(codec, column, beside)
        codecs.append({"column": name, "beside_text": scale, **tell(codec)})
    return {"form": form, "codecs": codecs}


def _prices(predictor: Any) -> dict[str, Any]:
    """Return what errors cost as the weights of labels leave it [K, K], for more than two; two are told by their threshold."""
    target = predictor.target
    if target.prices is None or not target.one_label or (target.outputs == 2 and predictor.thresholds):
        return {}
    weights = np.ones(target.outputs) if predictor.thresholds is None else np.asarray(predictor.thresholds)
    return {"prices": (weights[:, None] * target.prices).tolist(), "trifle": target.trifle}


def write_standalone(folder: Path, predictor: Any, members: list[dict[str, Any]]) -> bool:
    """Write `encode.json`, `encode.py` and `encode.mjs` where these can make every input; return whether they were."""
    target = predictor.target
    told = [described(model, m["kind"]) for (_, model), m in zip(predictor.members, members, strict=True)]
    known = all(c.modality in _KNOWN for c in predictor.schema.inputs)
    if (
        predictor.shifts
        or target.ordered
        or (target.prices is not None and not target.one_label)
        or not known
        or any(t is None for t in told)
    ):
        return False
    # bundles of older versions drop zones and fractions of seconds
    columns = [
        {"name": c.name, "modality": c.modality, "utc": bool(c.options.get("utc"))} for c in predictor.schema.inputs
    ]
    write_json(
        folder / "encode.json",
        {
            "format": 1,
            "columns": columns,
            "kind": target.kind,
            "labels": list(getattr(target, "values", target.labels)),
            "names": list(target.labels),
            "temperature": predictor.temperature,
            "thresholds": None if predictor.thresholds is None else list(predictor.thresholds),
            **_prices(predictor),
            "members": [
                {"file": m["file"], "weight": m["weight"], **(t or {})} for m, t in zip(members, told, strict=True)
            ],
        },
    )
    for name in FILES:
        source = resources.files("modelwright.release").joinpath("standalone", name)
        (folder / name).write_bytes(source.read_bytes())
    return True
