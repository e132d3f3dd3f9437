"""What a training would take on many devices, on paper: compute, network, waiting, failures and memory, from what one device was measured at.

Data parallel training of one network. Legend: N devices, P parameters, S bytes of a gradient or weight, B rows of a batch.

The mean gradient by a ring takes 2 (N-1)/N of the gradient's bytes through every device's link (Patarasuk and Yuan 2009, doi
10.1016/j.jpdc.2008.09.002), in 2 log2 N turns where trees do it for small messages. ZeRO's stages 1 and 2 move as much, stage 3 half as
much again (Rajbhandari et al. 2020, arXiv 1910.02054). Between two checkpoints pass sqrt(2 C M) seconds where one takes C and failures
come every M (Young 1974, doi 10.1145/361147.361115). Steps wait for the slowest of N devices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

_BACKWARD = 2 / 3  # share of a step's compute that is spent going backward, in which gradients can travel
STAGES = (0, 1, 2, 3)


@dataclass(frozen=True)
class Measured:
    """A step on one device: `seconds` for B rows, of which `fixed` do not shrink with the rows (optimiser, starting of kernels)."""

    parameters: int
    rows: int
    seconds: float
    fixed: float = 0.0

    @classmethod
    def of_two(cls, parameters: int, rows: int, seconds: float, fewer: int, less: float) -> Measured:
        """Return the line through two measurements: `seconds` for `rows`, `less` for `fewer` of them."""
        slope = max(0.0, (seconds - less) / max(1, rows - fewer))
        return cls(parameters, rows, seconds, min(seconds, max(0.0, seconds - slope * rows)))

    def compute(self, rows: float) -> float:
        """Return the seconds of a step with that many rows."""
        return self.fixed + (self.seconds - self.fixed) * rows / self.rows


@dataclass(frozen=True)
class Machines:
    """What devices are like. Rates are bytes a second for each device, `turn` is the seconds of a message; sizes are in bytes.

    `weight`, `gradient` and `state` are bytes for each parameter: of what is multiplied with, of gradients, of optimiser and master weights.
    `activation` is bytes a row. `overlap` is the share of the way backward in which gradients travel; `jitter` how far the steps of equal
    devices lie apart (deviation over mean); `fails` the seconds between two failures of one device, `checkpoint` those of writing one.
    """

    per_node: int = 8
    inside: float = 300e9
    between: float = 25e9
    turn: float = 15e-6
    memory: float = 80e9
    weight: int = 2
    gradient: int = 2
    state: int = 12
    activation: float = 0.0
    overlap: float = 0.5
    jitter: float = 0.02
    fails: float = 50_000 * 3600.0
    checkpoint: float = 60.0


@dataclass(frozen=True)
class Paper:
    """A step on N devices: its seconds and what they go into; the share of a linear gain that is left; bytes by ZeRO stage."""

    devices: int
    rows: float
    compute: float
    network: float
    waiting: float
    lost: float  # share of the time that goes into failures and checkpoints
    memory: dict[int, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Seconds of a step."""
        return (self.compute + self.network + self.waiting) / (1 - self.lost)

    @property
    def rate(self) -> float:
        """Rows a second of all devices together."""
        return self.rows * self.devices / self.seconds


def reduce_seconds(bytes_: float, devices: int, on: Machines) -> float:
    """Return the seconds of a mean over devices: by a ring, or by trees, whichever is sooner."""
    if devices <= 1:
        return 0.0
    rate = on.inside if devices <= on.per_node else min(on.inside, on.between)
    ring = 2 * (devices - 1) / devices * bytes_ / rate + 2 * (devices - 1) * on.turn
    tree = 2 * bytes_ / rate + 2 * math.log2(devices) * on.turn
    return min(ring, tree)


def on_paper(measured: Measured, devices: int, on: Machines, *, stage: int = 0, shared: bool = True) -> Paper:
    """Return a step on that many devices. `shared`: the batch stays as it is and is shared out; else each device has one like it."""
    rows = measured.rows / devices if shared else float(measured.rows)
    compute = measured.compute(rows)
    size = measured.parameters * on.gradient * (1.5 if stage == 3 else 1.0)
    network = reduce_seconds(size, devices, on)
    hidden = on.overlap * _BACKWARD * max(0.0, compute - measured.fixed)
    waiting = on.jitter * compute * _slowest(devices)
    between = on.fails / devices
    lost = min(0.9, math.sqrt(2 * on.checkpoint / between)) if math.isfinite(between) else 0.0
    memory = {s: _memory(measured.parameters, devices, s, rows, on) for s in STAGES}
    return Paper(devices, rows, compute, max(0.0, network - hidden), waiting, lost, memory)


def _slowest(devices: int) -> float:
    """Return how many deviations the slowest of N lies above the mean (Blom 1958)."""
    return NormalDist().inv_cdf((devices - 0.375) / (devices + 0.25)) if devices > 1 else 0.0


def _memory(parameters: int, devices: int, stage: int, rows: float, on: Machines) -> float:
    """Return the bytes that a device holds: stage 1 shares the optimiser's state, 2 the gradients too, 3 the weights as well."""
    weight = on.weight / (devices if stage >= 3 else 1)
    gradient = on.gradient / (devices if stage >= 2 else 1)
    state = on.state / (devices if stage >= 1 else 1)
    return parameters * (weight + gradient + state) + on.activation * rows


def efficiency(paper: Paper, one: Paper) -> float:
    """Return which share of N times one device's rows a second N devices reach."""
    return paper.rate / (paper.devices * one.rate)


def table(
    measured: Measured, counts: Sequence[int], on: Machines, *, stage: int = 0, shared: bool = True,
    rows: float = 0.0, price: float = 0.0,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return a line for each number of devices: times, efficiency, hours and money for `rows` rows in all, memory by stage."""
    one = on_paper(measured, 1, on, stage=stage, shared=shared)
    out = []
    for count in counts:
        p = on_paper(measured, count, on, stage=stage, shared=shared)
        hours = rows / p.rate / 3600
        out.append(
            {
                "devices": count, "rows_each": p.rows, "step": p.seconds, "compute": p.compute, "network": p.network,
                "waiting": p.waiting, "lost": p.lost, "rows_per_second": p.rate, "efficiency": efficiency(p, one),
                "hours": hours, "device_hours": hours * count, "cost": hours * count * price,
                "memory": {str(s): m for s, m in p.memory.items()},
                "fits": [s for s in STAGES if p.memory[s] <= on.memory],
            }
        )  # fmt: skip
    return out


def until_linear(lines: Sequence[dict[str, Any]], least: float = 0.8) -> int:
    """Return the most devices up to which every line keeps that share of a linear gain."""
    kept = 1
    for line in lines:
        if line["efficiency"] < least:
            break
        kept = line["devices"]
    return kept
