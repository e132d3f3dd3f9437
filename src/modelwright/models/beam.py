"""Beam search over a network with `start(source)` and `step(pieces, state)`, many sources at once.

Answers end by themselves; a finished one counts as its log probability over its length to the power of `penalty` (Wu et
al. 2016, arXiv 1609.08144, section 7, in the simpler form of most toolkits). Legend: B sources, K beams, V pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modelwright.features.base import Ragged
from modelwright.features.shared.subwords import BEGIN, END, PAD, padded

Answers = list[tuple[float, list[int]]]  # score and pieces, the best first

_TOKENS = 12_000  # source tokens times beams that are answered together


def answer(
    network: Any,
    sources: Ragged,
    limits: np.ndarray,
    *,
    beams: int,
    penalty: float,
    ngram: int = 0,
    device: str = "cpu",
) -> list[Answers]:
    """Return up to `beams` answers to each source, the best first; sources of like length are answered together.

    `limits` [N] are the most pieces of each answer. With `ngram` no run of so many pieces stands twice in an answer.
    """
    out: list[Answers] = [[] for _ in range(len(sources))]
    network.eval()
    with torch.inference_mode():
        for batch in of_like_length(sources.lengths, beams, 512, _TOKENS):
            ids = torch.from_numpy(padded(sources, batch)).to(device)
            found = search(network, ids, limits[batch], beams=beams, penalty=penalty, ngram=ngram)
            for row, one in zip(batch, found, strict=True):
                out[row] = one
    return out


def of_like_length(sizes: np.ndarray, beams: int, most: int, tokens: int) -> Iterator[np.ndarray]:
    """Yield row numbers [B] that are answered together, the shortest first: `most` rows and, times `beams`, `tokens` tokens at most."""
    order = np.argsort(sizes, kind="stable")
    at = 0
    while at < len(order):
        several = order[at : at + most]
        fits = (sizes[several] + 8) * np.arange(1, len(several) + 1) * beams <= tokens
        batch = several[: max(1, int(fits.sum()))]
        yield batch
        at += len(batch)


def search(
    network: Any, source: Tensor, limits: Sequence[int] | np.ndarray, *, beams: int, penalty: float, ngram: int = 0
) -> list[Answers]:
    """Return the answers to `source` [B, S]; as `answer`."""
    device, count = source.device, len(source)
    out: list[Answers] = [[] for _ in range(count)]
    alive = list(range(count))
    limit = [int(v) for v in limits]
    state = network.start(source)
    scores = torch.full((count, beams), -torch.inf, device=device)
    scores[:, 0] = 0.0
    said = torch.full((count, beams, 1), BEGIN, dtype=torch.long, device=device)
    while alive:
        length = said.shape[2]  # of the answers with the piece that now comes
        logits = network.step(said[:, :, -1], state).float()
        logits[:, :, [PAD, BEGIN]] = -torch.inf
        if ngram:
            _forbid(logits, said, ngram)
        total = scores[:, :, None] + logits.log_softmax(-1)
        pieces = total.shape[2]
        best, index = total.flatten(1).topk(min(2 * beams, beams * pieces), dim=1)
        parent, piece = index // pieces, index % pieces
        ends = piece == END
        _keep_finished(out, alive, said, best, parent, ends, beams, length**penalty)
        scores, place = best.masked_fill(ends, -torch.inf).topk(beams, dim=1)
        parent, piece = parent.gather(1, place), piece.gather(1, place)
        ahead = scores[:, 0].tolist()
        kept = []
        for i, row in enumerate(alive):
            if length >= limit[row] and not out[row]:
                out[row].append((ahead[i] / length**penalty, [*said[i, parent[i, 0], 1:].tolist(), int(piece[i, 0])]))
            worst = min((s for s, _ in out[row]), default=-np.inf)
            hope = ahead[i] / (limit[row] if penalty > 0 else length) ** penalty
            over = length >= limit[row] or (len(out[row]) >= beams and worst >= hope)
            if not over and np.isfinite(ahead[i]):
                kept.append(i)
        rows = torch.tensor(kept, device=device, dtype=torch.long)
        alive = [alive[i] for i in kept]
        if not alive:
            break
        scores, parent, piece = scores[rows], parent[rows], piece[rows]
        flat = (rows[:, None] * beams + parent).flatten()
        said = torch.cat([said.flatten(0, 1)[flat].view(len(kept), beams, -1), piece[:, :, None]], dim=2)
        state.take(rows if len(kept) < len(ends) else None, flat)
    return [sorted(found, key=lambda f: -f[0])[:beams] for found in out]


def _keep_finished(
    out: list[Answers],
    alive: list[int],
    said: Tensor,
    best: Tensor,
    parent: Tensor,
    ends: Tensor,
    beams: int,
    by: float,
) -> None:
    """Take up the answers that end here, where they are among the best `beams` of their source."""
    for i, j in ends[:, :beams].nonzero().tolist():
        value = float(best[i, j])
        if np.isfinite(value):
            out[alive[i]].append((value / by, said[i, parent[i, j], 1:].tolist()))


def _forbid(logits: Tensor, said: Tensor, ngram: int) -> None:
    """Rule out the pieces [B, K, V] that would end a run of `ngram` pieces that an answer already holds."""
    for i, beams in enumerate(said.tolist()):
        for j, pieces in enumerate(beams):
            last = pieces[len(pieces) - ngram + 1 :] if ngram > 1 else []
            if len(pieces) < ngram:
                continue
            gone = [
                pieces[n + ngram - 1] for n in range(1, len(pieces) - ngram + 1) if pieces[n : n + ngram - 1] == last
            ]
            if gone:
                logits[i, j, gone] = -torch.inf
