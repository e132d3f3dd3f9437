"""Passes of a network through torch's compiler, where they were measured to be faster: with CUDA graphs where all batches are of one shape.

A small network's step on a GPU waits for Python and for the launching of some hundred kernels; a graph launches them together (Ansel et
al. 2024, doi 10.1145/3620665.3640366). Compiling takes half a minute, once for a machine: torch keeps what it compiled in a cache of its own.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.core.recipe import FitContext

_WARM, _MEASURED = 5, 20  # steps before a clock runs, and while it does
_LEAST = 90.0  # seconds left from which compiling may be worth its time
_GAIN = 0.95  # of the seconds of a plain step that a compiled one may take at most
_SHAPES = 2  # of batches up to which each has a graph of its own: the last batch of an epoch is shorter


class Compiled:
    """A network's pass: plain steps are timed, then compiled ones, and the faster stays."""

    def __init__(self, network: nn.Module, ctx: FitContext) -> None:
        self._network, self._ctx = network, ctx
        self._quick: Any = None  # the compiled network, while it is tried and where it has won
        self._steps, self._since, self._plain = 0, 0.0, 0.0
        self._shapes: set[Any] = set()
        self._settled = False

    @property
    def active(self) -> bool:
        """Whether passes are compiled now."""
        return self._quick is not None

    def step(self) -> None:
        """Note the beginning of a step; decide where enough of them were timed."""
        if self.active and torch.device(self._ctx.device).type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()
        if self._settled:
            return
        self._steps += 1
        if self._steps == _WARM:
            self._since = self._now()
        elif self._steps == _WARM + _MEASURED:
            self._decide((self._now() - self._since) / _MEASURED)
            self._steps = 0

    def __call__(self, tensors: Any) -> Any:
        """Return what the network makes of a batch."""
        if not self._settled and not self.active:
            self._shapes.add(_shape(tensors))
        return (self._network if self._quick is None else self._quick)(tensors)

    def give_up(self, error: Exception) -> None:
        """Go on with plain passes after an error of a compiled one, and say so."""
        line = next(iter(str(error).strip().splitlines()), "")[:160]
        self._quick, self._settled = None, True
        self._ctx.events.note(
            f"{self._ctx.name}: its steps cannot be compiled here and stay as they are ({type(error).__name__}: {line})",
            f"{self._ctx.name}：各步无法在此编译，保持原样（{type(error).__name__}：{line}）",
        )

    def _decide(self, seconds: float) -> None:
        name, note = self._ctx.name, self._ctx.events.note
        if not self.active:
            self._plain = seconds
            if self._ctx.deadline.remaining() < _LEAST:
                self._settled = True
                note(f"{name}: too little time is left to compile its steps", f"{name}：剩余时间不足以编译各步")
                return
            graphs = torch.device(self._ctx.device).type == "cuda" and len(self._shapes) <= _SHAPES
            try:
                self._quick = torch.compile(self._network, mode="reduce-overhead" if graphs else "default")
            except Exception as e:  # no compiler on this machine
                self.give_up(e)
            return
        self._settled = True
        told = f"{1000 * seconds:.1f} / {1000 * self._plain:.1f} ms"
        if seconds > _GAIN * self._plain:
            self._quick = None
            note(
                f"{name}: compiled steps are no faster ({told}) and are not used",
                f"{name}：编译后的各步并未更快（{told}），不予使用",
            )
            return
        note(f"{name}: steps are compiled ({told})", f"{name}：各步已编译（{told}）")

    def _now(self) -> float:
        if torch.device(self._ctx.device).type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def _shape(tensors: Any) -> Any:
    if isinstance(tensors, dict):
        return tuple((k, _shape(v)) for k, v in sorted(tensors.items()))
    return tuple(tensors.shape) if isinstance(tensors, Tensor) else type(tensors).__name__
