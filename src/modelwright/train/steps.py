"""One step of the training loop: a batch in parts, over processes and one after the other, and the gradient of the whole.

Legend: B rows of a batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modelwright.core.errors import PeersLost
from modelwright.core.recipe import FitContext
from modelwright.train.compiled import Compiled
from modelwright.train.crew import Over, Shared
from modelwright.train.distributed_tensors import whole_of
from modelwright.train.optim import MovingAverage, optimizer_tensors
from modelwright.train.sharding import Sharded, unshardable


def part_of(batch: Any, index: int, of: int) -> Any:
    """Return every `of`-th row of a batch from `index` on: of row numbers, of a list of rows, or of the first half of (rows, seed)."""
    if isinstance(batch, tuple):
        return (part_of(batch[0], index, of), *batch[1:])
    return batch[index::of]


def rows_of(batch: Any) -> int:
    """Return the rows of a batch as the feed made it."""
    return len(batch[0]) if isinstance(batch, tuple) else len(batch)


class Steps:
    """How a fit takes its steps: alone or with others, whole batches or `accumulate` parts of each one after the other.

    The parts of a batch weigh by their rows, so that the gradient is that of the whole batch where the loss is a mean over rows.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Any,
        optimizers: list[Any],
        average: MovingAverage | None,
        step: int,
        ctx: FitContext,
    ) -> None:
        self._network, self._loss, self._ctx = network, loss, ctx
        self.shared: Shared | None = ctx.crew.enter(ctx.device) if ctx.crew is not None else None
        self._whole: nn.Module | None = None
        self._parts: Sharded | None = None
        self._average = average
        self._compiled = Compiled(network, ctx) if ctx.compiles and self.shared is None else None
        self.begun = step
        if self.shared is None and ctx.crew is not None and ctx.crew.own_rows:
            raise PeersLost("the other workers did not come", "其他工作进程没有到场")
        if self.shared is not None and ctx.shard and (why := unshardable(network)) is not None:
            ctx.events.note(
                f"{ctx.name}: every process holds the whole network, which cannot be sharded: {why.en}",
                f"{ctx.name}：每个进程都保存整个网络，无法分片：{why.zh}",
            )
        if self.shared is not None and ctx.shard and unshardable(network) is None:
            self._whole, self._parts, self.begun = self.shared.sharded(network, loss, optimizers, average, step)
        elif self.shared is not None:
            self._whole, self.begun = self.shared.wrapped(network, loss, optimizers, step)
        self.leads = self.shared is None or self.shared.leads
        self.draw = 0 if self.shared is None else self.shared.rank  # chance is to differ between processes
        parted = None if self.shared is None or self.shared.own_rows else self.shared
        self._own = 0 if parted is None else parted.rank
        self._size = 1 if parted is None else parted.size
        self._each = max(1, ctx.accumulate)
        self._shares: list[list[float]] = []

    def parts(self, batches: list[Any]) -> list[Any]:
        """Return what this process loads of an epoch's batches, in order."""
        of = self._size * self._each
        out, self._shares = [], []
        for batch in batches:
            rows = rows_of(batch)
            if rows < of:  # too few to share: every process takes them all, and the mean is the same
                out.append(batch)
                self._shares.append([1.0])
                continue
            own = [part_of(batch, self._own * self._each + i, of) for i in range(self._each)]
            out += own
            self._shares.append([rows_of(part) * self._size / rows for part in own])
        return out

    def groups(self, loaded: Iterable[tuple[Any, Any]]) -> Iterator[list[tuple[Any, Any, float]]]:
        """Yield what is loaded step by step, each part with its share of the step's gradient."""
        parts = iter(loaded)
        for shares in self._shares:
            yield [(*next(parts), share) for share in shares]

    def backward(self, group: list[tuple[Any, Any, float]], bf16: bool) -> Tensor:
        """Put the gradient of a step into the weights; return the mean loss, one number, of what this process saw of it."""
        if self._compiled is None:
            return self._backward(group, bf16)
        self._compiled.step()
        try:
            return self._backward(group, bf16)
        except Exception as e:  # of a compiler: whatever it is, the step is taken without it
            if not self._compiled.active:
                raise
            self._compiled.give_up(e)
        for p in self._network.parameters():
            p.grad = None
        return self._backward(group, bf16)

    def _backward(self, group: list[tuple[Any, Any, float]], bf16: bool) -> Tensor:
        kind = torch.device(self._ctx.device).type
        through: Any = self._network if self._compiled is None else self._compiled
        total: Any = 0.0
        for i, (tensors, expected, share) in enumerate(group):
            quiet = self.shared is not None and self._parts is None and i < len(group) - 1
            with self.shared.quiet(self._whole) if quiet and self.shared and self._whole else nullcontext():
                with torch.autocast(kind, torch.bfloat16, enabled=bf16):
                    if self._whole is None:
                        value = self._loss(through(tensors), expected)
                    else:
                        value = self._whole(tensors, expected)
                (value if share == 1.0 else value * share).backward()
            total = total + value.detach() / len(group)
        found: Tensor = total
        return found

    def agree(self, go: bool, total: int) -> tuple[bool, int]:
        """Return whether to go on and until which step, as the leading process says. Raises Over where it had to give up."""
        if self.shared is None:
            return go, total
        went, until = self.shared.agree([float(go), float(total)])
        if went < 0:
            raise Over
        return bool(went), int(until)

    @contextmanager
    def together(self) -> Iterator[None]:
        """While the block lasts, the network and its average are whole in the process that leads; all processes must come here."""
        if self._parts is None:
            yield
            return
        self._parts.join(self._average)
        try:
            yield
        finally:
            self._parts.part(self._average)

    def keeps(self, due: bool, optimizers: list[Any]) -> dict[str, Tensor] | None:
        """Return what the optimisers know, whole and in its shapes, where the leading process says that a checkpoint is due; all must ask."""
        if self._parts is not None:
            due, _ = self.agree(due, 0)
        if not due:
            return None
        return {k: whole_of(v) for k, v in optimizer_tensors(optimizers).items()}

    def over(self) -> None:
        """Take no further step: the network and its average are whole from now on in all processes."""
        if self._parts is not None:
            self._parts.join(self._average)
            self._parts = None

    def end(self, network: nn.Module) -> None:
        """Give all processes the weights that the leading one has chosen."""
        if self.shared is not None:
            self.shared.send([t for t in network.state_dict().values() if t.numel()])

    def give_up(self) -> None:
        """Tell the others that the leading process ends the loop with an error."""
        if self.shared is not None and self.shared.leads:
            self.shared.agree([-1.0, 0.0])


def seeded(seed: int, epoch: int, draw: int) -> int:
    """Return the seed of an epoch's chance in one process."""
    return seed * 100_003 + epoch + draw * 7_919_000_003


def rng_of(seed: int, epoch: int) -> np.random.Generator:
    """Return what an epoch's batches are drawn with, the same in all processes."""
    return np.random.default_rng([seed, epoch])
