"""Where in a picture a network's answer lies, by Grad-CAM: feature maps weighed by the answer's mean gradients.

Source: Selvaraju et al., arXiv 1610.02391; without its last step, which drops what speaks against the answer.
Legend: B batch, C channels, H height and W width of the feature maps, K outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.core.recipe import Model
from modelwright.core.schema import Table
from modelwright.evaluate.explain._gradients import twin

_COARSE = 4  # feature maps with fewer places on a side tell too little


def heat(model: Model, table: Table, column: str, chosen: int, kind: str) -> np.ndarray | None:
    """Return how strongly each place of a picture in a table of one row speaks for the answer `chosen` [H, W].

    None where this cannot be done: the model is no network, the column's encoder makes no feature maps, or they are
    too coarse.
    """
    from modelwright.recipes.shared.network import NetworkModel

    if not isinstance(model, NetworkModel) or column not in model.codecs:
        return None
    import torch

    at = list(model.codecs).index(column)
    encoders: Any = model.network.encoders
    if not hasattr(encoders[at], "features"):
        return None
    taken: list[Any] = []

    def features(x: Any) -> Any:
        with torch.no_grad():
            maps = encoders[at].features(x)
        maps = maps.detach().requires_grad_(True)
        taken.append(maps)
        return maps

    encoder = twin(encoders[at])
    encoder.features = features
    network = twin(model.network).eval()
    network.encoders = torch.nn.ModuleList(encoder if i == at else e for i, e in enumerate(encoders))
    inputs = {k: v.to(model.device) for k, v in model.to_inputs(table).items()}
    with torch.enable_grad():
        raw = network(inputs).float()
        raw = raw.mean(1) if raw.dim() == 3 else raw
        others = [k for k in range(raw.shape[1]) if k != chosen]
        height = raw[0, chosen] - (raw[0, others].logsumexp(0) if kind == "classes" else 0)
        if not taken or taken[0].dim() != 4 or min(taken[0].shape[2:]) < _COARSE:
            return None
        gradients = torch.autograd.grad(height, taken, allow_unused=True)
    out = []
    for i, (maps, gradient) in enumerate(zip(taken, gradients, strict=True)):
        if gradient is not None:
            found = (gradient.mean((2, 3), keepdim=True) * maps).sum(1)[0].detach()
            out.append(found.flip(1) if i % 2 else found)  # every second picture is the mirrored one
    return np.asarray(torch.stack(out).mean(0).cpu().double()) if out else None
