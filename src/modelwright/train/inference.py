"""The only inference path of networks: the same scores for one row as for many. Legend: N rows, K outputs."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from modelwright.models.network import to_scores
from modelwright.train.batches import Arrays, collate, lengths

_BATCH_TOKENS = 16_384
_BATCH_ROWS = 1024


def predict(
    network: nn.Module, arrays: Arrays, rows: int, kind: str, mean: float, std: float, device: str
) -> np.ndarray:
    """Return scores [N, K] float64; rows of like length are answered together."""
    sizes = lengths(arrays, rows)
    sequence = np.argsort(sizes, kind="stable")
    out: np.ndarray | None = None
    at = 0
    network.eval()
    with torch.inference_mode():
        while at < rows:
            longest = int(sizes[sequence[min(at + _BATCH_ROWS, rows) - 1]])
            count = max(1, min(_BATCH_ROWS, _BATCH_TOKENS // max(1, longest)))
            index = sequence[at : at + count]
            scores = to_scores(network(collate(arrays, index, device)), kind, mean, std).double().cpu().numpy()
            if out is None:
                out = np.empty((rows, scores.shape[1]))
            out[index] = scores
            at += len(index)
    return out if out is not None else np.empty((0, 0))
