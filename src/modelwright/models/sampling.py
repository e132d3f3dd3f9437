"""Choosing the next token from logits: temperature, top-k, top-p, min-p, penalties, masks; each stream by its own seed.

Papers: nucleus sampling, Holtzman et al. 2020; min-p, Nguyen et al. 2024; repetition penalty, Keskar et al. 2019.
Legend: B streams, V vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Told = tuple[int, float, list[tuple[int, float]]]  # id, its log-probability, the likeliest ids with theirs


@dataclass(frozen=True)
class Sampling:
    """How one answer is drawn. Temperature 0 takes the likeliest id. `logprobs`: how many likeliest ids to tell; None for none."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    max_tokens: int = 128
    stop: tuple[str, ...] = ()
    seed: int | None = None
    logprobs: int | None = None

    @property
    def penalised(self) -> bool:
        """Return whether what was said before counts."""
        return self.repetition_penalty != 1 or self.frequency_penalty != 0 or self.presence_penalty != 0


@torch.inference_mode()
def choose(
    logits: Tensor, streams: Sequence[tuple[Sampling, np.random.Generator, list[int], list[int]]],
    masks: Sequence[np.ndarray | None],
) -> list[Told]:  # fmt: skip
    """Return the next id of each stream from logits [B, V]. A stream is its sampling, generator, prompt and ids so far."""
    for i, (sampling, _, prompt, ids) in enumerate(streams):
        if sampling.penalised:
            _penalise(logits[i], sampling, prompt, ids)
        mask = masks[i]
        if mask is not None:
            logits[i, torch.from_numpy(~mask[: logits.shape[1]]).to(logits.device)] = -torch.inf
    if all(s.temperature == 0 and s.logprobs is None for s, *_ in streams):
        return [(t, 0.0, []) for t in logits.argmax(-1).tolist()]
    tokens = _draw(logits, streams)
    if all(s.logprobs is None for s, *_ in streams):
        return [(t, 0.0, []) for t in tokens]
    logs = torch.log_softmax(logits, -1)
    out: list[Told] = []
    for i, (s, *_) in enumerate(streams):
        top: list[tuple[int, float]] = []
        if s.logprobs:
            values, index = logs[i].topk(min(s.logprobs, logs.shape[1]))
            top = [(t, max(v, -9999.0)) for t, v in zip(index.tolist(), values.tolist())]
        out.append((tokens[i], max(-9999.0, float(logs[i, tokens[i]])), top))
    return out


def _penalise(row: Tensor, s: Sampling, prompt: list[int], ids: list[int]) -> None:
    if s.repetition_penalty != 1:
        said = torch.tensor(sorted({*prompt, *ids}), device=row.device)
        values = row[said]
        row[said] = torch.where(values > 0, values / s.repetition_penalty, values * s.repetition_penalty)
    if ids and (s.frequency_penalty or s.presence_penalty):
        counts = Counter(ids)
        said = torch.tensor(list(counts), device=row.device)
        times = torch.tensor(list(counts.values()), dtype=row.dtype, device=row.device)
        row[said] -= s.frequency_penalty * times + s.presence_penalty


def _draw(logits: Tensor, streams: Sequence[tuple[Sampling, np.random.Generator, list[int], list[int]]]) -> list[int]:
    """Draw by the inverse of the cumulative distribution over ids in the order of their likelihood."""
    heat = torch.tensor([max(s.temperature, 1e-6) for s, *_ in streams], device=logits.device)[:, None]
    probs = torch.softmax(logits.double() / heat, -1)
    plain = all(s.top_k == 0 and s.top_p >= 1 and s.min_p == 0 for s, *_ in streams)
    order: Tensor | None = None
    if not plain:
        probs, order = probs.sort(-1, descending=True)
        total = probs.cumsum(-1)
        for i, (s, *_) in enumerate(streams):
            keep = probs.shape[1]
            if s.top_k:
                keep = min(keep, s.top_k)
            if s.top_p < 1:  # up to and with the id that reaches top_p
                keep = min(keep, int((total[i] - probs[i] < s.top_p).sum()))
            if s.min_p:
                keep = min(keep, int((probs[i] >= s.min_p * probs[i, 0]).sum()))
            probs[i, max(1, keep) :] = 0
    total = probs.cumsum(-1)
    uniform = torch.tensor([rng.random() for _, rng, *_ in streams], dtype=torch.float64, device=logits.device)
    # strictly above, so that an id without probability is never drawn
    place = torch.searchsorted(total, (uniform * total[:, -1])[:, None], right=True).clamp(max=probs.shape[1] - 1)
    if order is not None:
        place = order.gather(1, place)
    found: list[int] = place[:, 0].tolist()
    for i, (s, *_) in enumerate(streams):
        if s.temperature == 0:
            found[i] = int(logits[i].argmax())
    return found
