"""The only training loop. Legend: B batch, K outputs, V validation rows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modelwright.core.device import free_cores
from modelwright.core.errors import ModelwrightError
from modelwright.core.events import Step
from modelwright.core.memory_pages import keep_pages, return_pages
from modelwright.core.recipe import FitContext
from modelwright.train.batches import Feed, ahead
from modelwright.train.blocks import recomputed
from modelwright.train.checkpoint import forget_checkpoint, load_checkpoint, save_checkpoint
from modelwright.train.optim import MovingAverage, make_optimizers, schedule
from modelwright.train.precision import in_bf16
from modelwright.train.private import PrivateSteps
from modelwright.train.steps import Steps, rng_of, seeded

Loss = Callable[[Any, Any], Tensor]
# network -> (loss, metric, more is better) on validation rows, and where the metric hangs much on chance a finer one, by which the best epoch is chosen
Watch = Callable[[nn.Module], tuple[float, ...]]

_AVERAGE_EVERY = (
    4,
    16,
)  # steps, at least and at most: a large table of embeddings costs more to average than a step may
_RARELY = 25  # checkpoints take one part in so many of the time: on a GPU an epoch may be a second
_ENOUGH = 0.5  # share of its steps that a refit must have done when the time ends, to be taken for whole
_LOOK = 0.35  # of what a row costs in training, what a look at it costs; until a look was measured
_AVERAGE_OVER = 0.05  # of all steps at most: in a short fit a long average would hold weights of the beginning


@dataclass
class Trained:
    """What a fit leaves in the network (its best weights) and says about itself."""

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    epochs: int = 0
    steps: int = 0


def train(
    network: nn.Module,
    feed: Feed,
    loss: Loss,
    watch: Watch | None,
    options: Any,
    ctx: FitContext,
    *,
    epochs: int,
    private: PrivateSteps | None = None,
    looks: float = 0.0,
) -> Trained:
    """Train in place and leave the best weights in the network.

    Plans `epochs` passes; where the measured speed says that they do not fit in `ctx.deadline`, the plan is cut at an
    epoch's beginning, and the cosine with it, so that the learning rate always comes down. Ends at the next step once
    the deadline expires. Without `watch` (a refit) the last weights stand. Resumes from `ctx.folder` where an earlier
    fit was stopped there. `private` gives the gradients under differential privacy, and ends the fit with its budget.
    `looks` are the rows that `watch` looks at, as a share of the training rows: time is kept for the last look. Raises ModelwrightError where not one epoch's worth of steps could be done, or where the
    loss is not finite.
    """
    torch.set_num_threads(max(1, ctx.threads))
    keep_pages()
    network.to(ctx.device)
    per_epoch = len(feed.epoch(np.random.default_rng(0)))
    optimizers = make_optimizers(network, options.lr, options.weight_decay, options.optimizer)
    average = MovingAverage(network, options.ema) if options.ema else None
    plan = max(1, epochs * per_epoch)
    state = _State(Trained(), total=plan, planned=plan)
    if ctx.folder is not None and load_checkpoint(ctx.folder, network, optimizers, average, state):
        # a plan that the time of the stopped fit had cut short gets what this one has
        state.total = state.planned if state.step < state.planned / 2 else state.total
    steps = Steps(network, loss, optimizers, average, state.step, ctx)
    state.step = steps.begun
    clipped = [
        p for o in optimizers if not isinstance(o, torch.optim.SparseAdam) for g in o.param_groups for p in g["params"]
    ]
    bf16 = in_bf16(options.precision, ctx.device)
    began, did, watched, tokens = time.monotonic(), 0, 0.0, 0
    due = began  # when the next checkpoint is
    seldom = min(_AVERAGE_EVERY[1], max(_AVERAGE_EVERY[0], state.planned // 60))

    def keep_time(seen: int) -> None:
        if seen and steps.leads:  # cost goes with tokens, not with steps: batches differ in length
            each = (time.monotonic() - began - watched) * feed.total / seen
            if watched == 0:
                state.watching = _LOOK * looks * each
            _fit_to_time(state, each, ctx, per_epoch)

    def going() -> bool:
        go = state.step < state.total and not state.done and (private is None or private.left)
        go = go and not (did and ctx.deadline.expired())
        if go:
            keep_time(tokens)
        go, state.total = steps.agree(go, state.total)
        return go

    with recomputing(network, ctx, private is not None):
        while going():
            epoch = state.step // per_epoch
            leave_cores(ctx)
            torch.manual_seed(seeded(ctx.seed, epoch, steps.draw) if private is None else private.draw())
            batches = feed.epoch(rng_of(ctx.seed, epoch), epoch)
            network.train()
            running, count = 0.0, 0
            for group in steps.groups(ahead(feed, steps.parts(batches), ctx.device)):
                rate = schedule(state.step / state.total)
                for optimizer in optimizers:
                    for params in optimizer.param_groups:
                        params["lr"] = params["base"] * rate
                    optimizer.zero_grad(set_to_none=True)
                if private is not None:
                    value = private.gradients(*group[0][:2])
                else:
                    value = steps.backward(group, bf16)
                    if options.clip:
                        torch.nn.utils.clip_grad_norm_(clipped, options.clip, foreach=True)
                for optimizer in optimizers:
                    optimizer.step()
                state.step += 1
                did += 1
                count += 1
                if average and (state.step % seldom == 0 or state.step == state.total):
                    average.update(network, seldom / (_AVERAGE_OVER * state.total))
                if count % 8 == 0 or count == 1:
                    running = running + float(value.detach()) if count > 1 else float(value.detach())
                    ctx.events.emit(Step(ctx.name, state.step, state.total, {"loss": running / (1 + count // 8)}))
                if did % 8 == 0:
                    leave_cores(ctx)
                if did == 12:
                    keep_time(tokens + sum(map(feed.size, batches[:count])))
                over = ctx.deadline.remaining() <= state.watching  # the last look comes after it
                go, state.total = steps.agree(not over, state.total)
                if state.step >= state.total or not go or not (private is None or private.left):
                    break
            tokens += sum(map(feed.size, batches[:count]))
            with steps.together():
                if steps.leads:
                    with _told_to(steps):
                        _end_epoch(
                            network, average, state, running / (1 + count // 8), watch, options, ctx, epoch, began
                        )
                    watched += state.watching
                going_on = (
                    not state.done and state.step < state.total and watch is not None and not ctx.deadline.expired()
                )
                start = time.monotonic()
                known = steps.keeps(steps.leads and ctx.folder is not None and going_on and start >= due, optimizers)
                if known is not None and ctx.folder is not None and steps.leads:
                    save_checkpoint(ctx.folder, network, known, average, state)
                    due = time.monotonic() + (_RARELY - 1) * (time.monotonic() - start)
    return _finish(network, average, state, per_epoch, watch is None and private is None, ctx, steps)


@contextmanager
def _told_to(steps: Steps) -> Iterator[None]:
    """Tell the other processes where the block ends with an error that is no fault."""
    try:
        yield
    except ModelwrightError:
        steps.give_up()
        raise


@contextmanager
def recomputing(network: nn.Module, ctx: FitContext, private: bool) -> Iterator[None]:
    """While the block lasts, hold less of what the network computes where that was asked for; say where nothing can be left out."""
    wanted = ctx.recompute and not private  # gradients of single rows are taken from what every layer computed
    with recomputed(network, wanted) as blocks:
        if ctx.recompute and not blocks:
            ctx.events.note(
                f"{ctx.name}: all activations are held: it has no repeated blocks that can be gone through twice.",
                f"{ctx.name}：保留全部激活值：没有可重复计算的重复模块。",
            )
        yield


def leave_cores(ctx: FitContext) -> None:
    """Take only as many threads as other programs leave cores now: on a core that another has, threads wait for one another."""
    wanted = max(1, min(ctx.threads, free_cores())) if ctx.crew is None else max(1, ctx.threads)
    if wanted != torch.get_num_threads():
        torch.set_num_threads(wanted)


@dataclass
class _State:
    trained: Trained
    total: int  # steps until the end, as time allows; `planned` as asked for
    planned: int
    step: int = 0
    best: float = -math.inf
    best_weights: dict[str, Tensor] | None = None
    since: int = 0
    done: bool = False
    falling: bool = False  # whether patience has ended, and the learning rate comes down
    watching: float = 0.0  # seconds that the last look at the validation rows took

    def to_json(self) -> dict[str, Any]:
        """Return the plain half of the state."""
        return {k: v for k, v in self.__dict__.items() if k not in ("trained", "best_weights")} | {
            "history": self.trained.history, "best_epoch": self.trained.best_epoch,
        }  # fmt: skip

    def from_json(self, data: dict[str, Any]) -> None:
        """Take up what `to_json` gave."""
        data = dict(data)
        self.trained.history, self.trained.best_epoch = data.pop("history"), data.pop("best_epoch")
        data["best"] = -math.inf if data["best"] is None else data["best"]  # which JSON does not know
        self.__dict__.update(data)


def _fit_to_time(state: _State, seconds_per_epoch: float, ctx: FitContext, per_epoch: int) -> None:
    """Cut the plan to the steps that still fit, the looks at the validation rows counted in.

    A plan that a slow beginning cut too short grows again in its first half; later the learning rate is left to fall.
    """
    left = ctx.deadline.remaining()
    if not math.isfinite(left):
        return
    affordable = state.step + int(0.95 * left / max(seconds_per_epoch + state.watching, 1e-9) * per_epoch)
    if affordable < state.total or state.step < state.total / 2:
        state.total = max(state.step + 1, min(state.planned, affordable))


def _come_down(state: _State, options: Any) -> None:
    """End a fit that its patience ends: at once, or where `options.cooldown` says so after the last part of its plan, in which the rate falls."""
    if state.falling:
        return
    more = math.ceil(getattr(options, "cooldown", 0.0) * state.planned)
    state.falling, state.done = more > 0, more == 0
    state.planned = min(state.planned, state.step + more)
    state.total = min(state.total, state.planned)


def _end_epoch(
    network: nn.Module,
    average: MovingAverage | None,
    state: _State,
    loss: float,
    watch: Watch | None,
    options: Any,
    ctx: FitContext,
    epoch: int,
    began: float,
) -> None:
    """Look at the validation rows with the averaged weights, keep the best, decide whether to go on."""
    row = {"epoch": epoch + 1, "loss": loss, "seconds": time.monotonic() - began}
    if not math.isfinite(loss):
        if state.best_weights is None:
            raise ModelwrightError("its loss was not finite (training diverged)", "损失不是有限数（训练发散）")
        state.done = True
        return
    if watch is not None:
        start = time.monotonic()
        kept = {k: v.detach().clone() for k, v in network.state_dict().items()} if average else {}
        if average and average.steps:
            network.load_state_dict(average.shadow)
        network.eval()
        valid_loss, metric, *finer = watch(network)
        chosen_by = finer[0] if finer else metric
        state.watching = time.monotonic() - start
        row |= {"valid_loss": valid_loss, ctx.metric.name: metric if ctx.metric.higher else -metric}
        ctx.events.emit(Step(ctx.name, state.step, state.total, {"loss": loss, "valid": metric}))
        if chosen_by > state.best or state.best_weights is None:
            state.best, state.since, state.trained.best_epoch = chosen_by, 0, epoch + 1
            state.best_weights = {k: v.detach().clone() for k, v in network.state_dict().items()}
        else:
            state.since += 1
            if state.since >= options.patience:
                _come_down(state, options)
        if average and average.steps:
            network.load_state_dict(kept)
    state.trained.history.append(row)


def _finish(
    network: nn.Module, average: MovingAverage | None, state: _State, per_epoch: int, refit: bool, ctx: FitContext, steps: Steps
) -> Trained:  # fmt: skip
    trained = state.trained
    trained.steps, trained.epochs = state.step, max(1, math.ceil(state.step / per_epoch))
    steps.over()
    if state.best_weights is not None:
        network.load_state_dict(state.best_weights)
    elif average and average.steps:
        network.load_state_dict(average.shadow)
    steps.end(network)
    if refit and state.step < _ENOUGH * state.total and steps.leads:
        raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
    network.eval()
    if ctx.folder is not None and not ctx.deadline.stopped:
        forget_checkpoint(ctx.folder)
    return_pages()
    return trained
