"""Checkpoints of a fit under way: safetensors and JSON, written whole or not at all, for an exact resume."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from modelwright.core.errors import BundleError, DataError
from modelwright.core.run import read_json, write_json
from modelwright.train.optim import MovingAverage, restore_optimizers


def save_checkpoint(
    folder: Path, network: nn.Module, optimizers: dict[str, torch.Tensor], average: MovingAverage | None, state: Any
) -> None:
    """Write weights, averages, best weights, what optimisers know (`optimizer_tensors`, of any shape) and position.

    The random state needs none of it: it follows from seed and epoch. A full disk stops nothing: there is no checkpoint then.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    tensors |= {f"optimizer.{k}": v for k, v in optimizers.items()}
    if average:
        tensors |= {f"average.{k}": v for k, v in average.shadow.items()}
    if state.best_weights:
        tensors |= {f"best.{k}": v for k, v in state.best_weights.items()}
    part = folder / ".checkpoint.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, str(part))
        (folder / "checkpoint.json").unlink(missing_ok=True)
        os.replace(part, folder / "checkpoint.safetensors")
        write_json(folder / "checkpoint.json", {**state.to_json(), "average_steps": average.steps if average else 0})
    except (OSError, SafetensorError, DataError):  # a full disk stops no training; a fit that is cut off begins anew
        part.unlink(missing_ok=True)


def load_checkpoint(
    folder: Path, network: nn.Module, optimizers: list[Any], average: MovingAverage | None, state: Any
) -> bool:
    """Put a checkpoint back where one fits; return whether one did. One of another network is left alone."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not (folder / "checkpoint.json").is_file():
        return False
    try:
        data = read_json(folder / "checkpoint.json")
        tensors = load_file(str(folder / "checkpoint.safetensors"))
        parts: dict[str, dict[str, torch.Tensor]] = {}
        for name, value in tensors.items():
            kind, key = name.split(".", 1)
            parts.setdefault(kind, {})[key] = value
        network.load_state_dict(parts["network"])
        restore_optimizers(optimizers, parts.get("optimizer", {}))
        if average:
            device, found = next(network.parameters()).device, parts["average"]
            average.shadow = {k: found[k].to(device) for k in average.shadow}  # in the order of the other processes
            average.steps = int(data["average_steps"])
        state.best_weights = parts.get("best")
        data.pop("average_steps")
        state.from_json(data)
    except (BundleError, SafetensorError, OSError, KeyError, RuntimeError, ValueError):
        return False
    return True


def forget_checkpoint(folder: Path) -> None:
    """Remove the checkpoint of a fit that is over."""
    for name in ("checkpoint.json", "checkpoint.safetensors"):
        (folder / name).unlink(missing_ok=True)
