"""Several fitted models that answer the same rows: each with what it shares with the others.

A winner holds five models of a recipe, one a fold, and often several recipes. What their codecs read alike of a value is found once
(`features/shared/once.py`), codecs that learnt the same are one codec, and models of a class may answer in one go
(`Model.together`). Scores are equal to those of each model by itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

import numpy as np

from modelwright.core.recipe import Model
from modelwright.core.schema import Table
from modelwright.core.threads import one_thread
from modelwright.features.base import Codec
from modelwright.features.shared.once import sharing

_FEW = 8  # rows that one thread answers alone


class Together:
    """Answers for models in their order: scores [N, K] of each."""

    def __init__(self, models: Sequence[Model]) -> None:
        self.models = list(models)
        if len(models) > 1:
            _same_codecs(self.models)
        kinds: dict[type[Model], list[int]] = {}
        for i, model in enumerate(self.models):
            kinds.setdefault(type(model), []).append(i)
        self._groups: list[tuple[list[int], Callable[[Table], np.ndarray | None] | None]] = [
            (own, kind.together([self.models[i] for i in own])) for kind, own in kinds.items()
        ]

    def scores(self, table: Table) -> list[np.ndarray]:
        """Return the scores [N, K] of each model."""
        out: list[Any] = [None] * len(self.models)
        with sharing(), one_thread(len(table) <= _FEW):
            for own, answer in self._groups:
                found = None if answer is None else answer(table)
                for k, i in enumerate(own):
                    out[i] = self.models[i].scores(table) if found is None else found[k]
        return out


def _same_codecs(models: Sequence[Model]) -> None:
    """Give models whose codecs of a column learnt the same one and the same codec."""
    known: dict[Any, Codec] = {}
    for model in models:
        held: Any = getattr(model, "columns", None) or model
        codecs: MutableMapping[str, Any] | None = getattr(held, "codecs", None)
        if not isinstance(codecs, dict):
            continue
        for name, entry in codecs.items():
            if isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[1], Codec):
                column, codec = entry
                codecs[name] = column, known.setdefault((name, *learnt(codec)), codec)


def learnt(codec: Codec) -> tuple[Any, ...]:
    """Return what tells a codec from one of its kind that learnt something else."""
    digest = hashlib.sha256(json.dumps(codec.state(), sort_keys=True).encode())
    for key, array in sorted(codec.arrays().items()):
        digest.update(f"{key} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return type(codec), digest.hexdigest()
