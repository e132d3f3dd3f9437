"""What the tokens of a text add to a network's answer, by integrated gradients over their embeddings.

Source: Sundararajan et al., arXiv 1703.01365, as captum's IntegratedGradients; the baseline is a text of the same
length whose embeddings are zero. Legend: T tokens, S steps of the path, K outputs.
"""

from __future__ import annotations

import copy
import importlib.util
import unicodedata
from typing import Any

import numpy as np

from modelwright.core.recipe import Model
from modelwright.core.schema import Table

_STEPS = 24
_SHORT = 0.1  # of the weights' size, by which they may miss their sum


def token_weights(
    model: Model, table: Table, column: str, text: str, chosen: int, kind: str
) -> list[tuple[int, int, float]] | None:
    """Return (start, end, weight) of each token that the network reads of one text column of a table of one row.

    Weights are in log odds of the answer `chosen` (in the target's unit for values) and sum to what the text adds over
    a blank one. None where this cannot be done: the model is no network, captum is not installed, the column is not
    embedded as tokens, normalising moved the characters of the text, or the weights miss their sum: networks that
    normalise each token, as Transformers do, can bend too sharply beside a blank text.
    """
    from modelwright.features.shared.tokens import TokenCodec
    from modelwright.recipes.shared.network import NetworkModel

    if not isinstance(model, NetworkModel) or importlib.util.find_spec("captum") is None:
        return None
    names = list(model.codecs)
    codec = model.codecs[column][1] if column in names else None
    if not isinstance(codec, TokenCodec):
        return None
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    spans = codec.spans(text)
    if len(plain.lower()) != len(text) or not spans:
        return None
    at = names.index(column)
    weights = _integrate(model, table, at, chosen, kind)
    return None if weights is None else [(a, b, float(w)) for (a, b), w in zip(spans, weights)]


def _integrate(model: Any, table: Table, at: int, chosen: int, kind: str) -> np.ndarray | None:
    """Return the attribution of each token [T] of the `at`-th column; None where they miss their sum."""
    import torch
    from captum.attr import IntegratedGradients

    inputs = {k: v.to(model.device) for k, v in model.to_inputs(table).items()}
    order = list(inputs)
    embed = model.network.encoders[at].embed
    network = _fed(model.network, at)
    unit = model.unit[1] if kind == "value" else 1.0

    def height(vectors: Any, *tensors: Any) -> Any:
        raw = network({**dict(zip(order, tensors)), f"{at}.vectors": vectors}).float()
        raw = raw.mean(1) if raw.dim() == 3 else raw
        if kind != "classes":
            return raw[:, chosen] * unit
        others = [k for k in range(raw.shape[1]) if k != chosen]
        return raw[:, chosen] - raw[:, others].logsumexp(1)

    # recurrent networks have no backward pass in cuDNN outside training
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        own = {k.split(".", 1)[1]: v for k, v in inputs.items() if k.startswith(f"{at}.")}
        vectors = embed(own)[0].detach()
        found, short = IntegratedGradients(height).attribute(
            vectors, additional_forward_args=tuple(inputs.values()), n_steps=_STEPS, return_convergence_delta=True
        )
    weights = np.asarray(found[0].sum(-1).detach().cpu().double())
    return weights if abs(float(short[0])) <= _SHORT * np.abs(weights).sum() else None


def _fed(network: Any, at: int) -> Any:
    """Return the network, weights shared, with a text column that takes `vectors` [B, T, E] instead of looking them up.

    The network itself stays as it is, since it may be answering at the same time.
    """
    from torch import nn

    class Given(nn.Module):
        def forward(self, inputs: dict[str, Any]) -> tuple[Any, Any]:
            return inputs["vectors"], inputs["ids"] > 0

    encoder = twin(network.encoders[at])
    encoder.embed = Given()
    fed = twin(network).eval()
    fed.encoders = nn.ModuleList(encoder if i == at else e for i, e in enumerate(network.encoders))
    return fed


def twin(module: Any) -> Any:
    """Return a module of its own with the same weights and parts, so that parts can be put in their place."""
    out = copy.copy(module)
    out._modules = dict(module._modules)
    return out
