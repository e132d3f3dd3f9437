"""The only inference path of networks: the same scores for one row as for many. Legend: N rows, K outputs."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from modelwright.models.network import to_scores
from modelwright.train.batches import Arrays, collate, lengths

_BATCH_TOKENS = 16_384
_BATCH_ROWS, _CPU_ROWS = 1024, 256  # on a processor, few enough for its caches
_SPARE_TOKENS = 64  # about what a call costs by itself
_SPARE_SHARE = 0.15


def predict(
    network: nn.Module, arrays: Arrays, rows: int, kind: str, mean: float, std: float, device: str
) -> np.ndarray:
    """Return scores [N, K] float64; rows of like length are answered together."""
    sizes = lengths(arrays, rows)
    sequence = np.argsort(sizes, kind="stable")
    out: np.ndarray | None = None
    at, most = 0, _CPU_ROWS if device == "cpu" else _BATCH_ROWS
    if network.training:  # setting every part of it takes as long as a row
        network.eval()
    with torch.inference_mode():
        while at < rows:
            index = sequence[at : at + _together(sizes[sequence[at : at + most]])]
            scores = to_scores(network(collate(arrays, index, device)), kind, mean, std).double().cpu().numpy()
            if out is None:
                out = np.empty((rows, scores.shape[1]))
            out[index] = scores
            at += len(index)
    return out if out is not None else np.empty((0, 0))


def _together(sizes: np.ndarray) -> int:
    """Return how many of the next rows, of ascending `sizes`, to answer in one call.

    As many as keep the tokens of padding below what a call of their own would cost.
    """
    padded = sizes * np.arange(1, len(sizes) + 1)
    tokens = np.cumsum(sizes)
    fits = (padded - tokens <= _SPARE_TOKENS + _SPARE_SHARE * tokens) & (padded <= _BATCH_TOKENS)
    return max(1, len(sizes) if fits.all() else int(np.argmin(fits)))
