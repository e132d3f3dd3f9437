"""The training loop: learns, stops, resumes exactly, comes down with the time it has."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.budget import Deadline
from modelwright.core.errors import ModelwrightError
from modelwright.core.events import EventStream, Step
from modelwright.core.recipe import FitContext
from modelwright.core.task import get_task
from modelwright.features.base import Ragged
from modelwright.train import loop
from modelwright.train.batches import RowFeed
from modelwright.train.inference import predict
from modelwright.train.loop import train
from modelwright.train.optim import MovingAverage, make_optimizers, schedule

ROWS = 192
ROW = np.random.default_rng(3)
LENGTHS = ROW.integers(1, 9, ROWS)
TRUTH = torch.from_numpy(ROW.integers(0, 2, ROWS))
# class 0 says ids 1..5, class 1 says 6..10
IDS = np.concatenate([ROW.integers(1, 6, n) + 5 * int(t) for n, t in zip(LENGTHS, TRUTH, strict=True)])
ARRAYS = {"0.ids": Ragged(IDS.astype(np.int64), np.concatenate([[0], np.cumsum(LENGTHS)]))}


class Bag(nn.Module):
    """The mean of token vectors, dropout, a hidden layer and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(11, 8, padding_idx=0, sparse=True)
        self.hidden, self.drop, self.head = nn.Linear(8, 8), nn.Dropout(0.3), nn.Linear(8, 2)

    def forward(self, tensors: dict[str, Tensor]) -> Tensor:
        ids = tensors["0.ids"]
        mean = self.table(ids).sum(1) / (ids > 0).sum(1, keepdim=True)
        return self.head(self.drop(self.hidden(mean).relu()))


def options(**changes: Any) -> Any:
    plain = {"batch": 16, "lr": 0.01, "weight_decay": 0.01, "optimizer": "adamw", "ema": 0.9, "clip": 1.0}
    return SimpleNamespace(**{**plain, "patience": 50, "precision": "float32", **changes})


def context(seconds: float = 60.0, folder: Path | None = None, seed: int = 0) -> FitContext:
    task = get_task("classification")
    return FitContext(
        loss=task.loss, target=ClassesCodec(["a", "b"], [1, 1]), deadline=Deadline.after(seconds), events=EventStream(),
        metric=task.metrics[0], seed=seed, folder=folder,
    )  # fmt: skip


def watch(network: nn.Module) -> tuple[float, float]:
    scores = predict(network, ARRAYS, ROWS, "classes", 0.0, 1.0, "cpu")
    chosen = scores[np.arange(ROWS), TRUTH.numpy()]
    return float(-np.log(chosen).mean()), float((chosen > 0.5).mean())


def watch_loss(network: nn.Module) -> tuple[float, float]:
    value = watch(network)[0]
    return value, -value


def loss(outputs: Tensor, truth: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs, truth)


def fresh() -> Bag:
    torch.manual_seed(5)
    return Bag()


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    "changes", [{}, {"optimizer": "muon", "lr": 0.003}, {"ema": 0.0, "clip": 0.0}, {"precision": "bf16"}]
)
def test_learns(changes):
    network = fresh()
    done = train(network, RowFeed(ARRAYS, TRUTH, 16), loss, watch, options(**changes), context(), epochs=12)
    assert watch(network)[1] > 0.95
    assert [h["epoch"] for h in done.history] == list(range(1, 13))
    assert done.history[-1]["loss"] < done.history[0]["loss"]
    assert {"loss", "valid_loss", "seconds"} < done.history[0].keys()


def test_the_best_weights_are_left():
    network = fresh()
    metrics = iter([0.3, 0.9, 0.5, 0.4, 0.2])
    seen: list[dict[str, Tensor]] = []

    def falling(net: nn.Module) -> tuple[float, float]:
        seen.append({k: v.clone() for k, v in net.state_dict().items()})
        return 1.0, next(metrics)

    done = train(network, RowFeed(ARRAYS, TRUTH, 16), loss, falling, options(patience=3), context(), epochs=30)
    assert done.best_epoch == 2
    assert len(done.history) == 5  # three epochs without a better one end it
    assert all(torch.equal(v, network.state_dict()[k]) for k, v in seen[1].items())


def test_a_finer_measure_chooses_the_epoch_and_the_metric_is_what_is_told():
    told = iter([(0.3, 0.1), (0.9, 0.2), (0.5, 0.4), (0.4, 0.3), (0.2, 0.2), (0.2, 0.1)])
    asked = options(patience=3)
    done = train(fresh(), RowFeed(ARRAYS, TRUTH, 16), loss, lambda _: (1.0, *next(told)), asked, context(), epochs=30)
    assert done.best_epoch == 3
    assert [round(h[context().metric.name], 1) for h in done.history] == [0.3, 0.9, 0.5, 0.4, 0.2, 0.2]


@pytest.mark.parametrize(("better", "through"), [(None, 9), (6, 13), (8, 9), (28, 30)])
def test_the_rate_comes_down_after_patience_has_ended(monkeypatch, better, through):
    progress: list[float] = []
    monkeypatch.setattr(loop, "schedule", lambda at: progress.append(at) or 1.0)
    looked = iter(range(1, 31))
    values = {2: 0.9, better: 0.95} if better != 28 else {n: n / 30 for n in range(1, 29)}
    watch = lambda net: (1.0, values.get(next(looked), 0.5))  # noqa: E731
    done = train(
        fresh(), RowFeed(ARRAYS, TRUTH, 16), loss, watch, options(patience=4, cooldown=0.1), context(), epochs=30
    )
    # patience ends after epoch 6, or 10 where epoch 6 was better still; a tenth of thirty epochs come after it
    assert len(done.history) == through
    assert done.best_epoch == (better or 2)
    per_epoch = len(progress) // through
    assert progress[-1] == pytest.approx(1 - 1 / (through * per_epoch))  # the rate has come down whole


def test_same_seed_same_weights_and_another_seed_others():
    networks = [fresh() for _ in range(3)]
    for network, seed in zip(networks, (0, 0, 1), strict=True):
        train(network, RowFeed(ARRAYS, TRUTH, 16), loss, watch, options(), context(seed=seed), epochs=2)
    assert same(networks[0], networks[1])
    assert not same(networks[0], networks[2])


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("stop_at", [13, 30, 47])
def test_a_stopped_fit_resumes_bit_for_bit(tmp_path, optimizer, stop_at):
    asked = options(optimizer=optimizer, ema=0.95)
    whole = fresh()
    expected = train(whole, RowFeed(ARRAYS, TRUTH, 16), loss, watch_loss, asked, context(), epochs=5)
    first, ctx = fresh(), context(folder=tmp_path / "checkpoints")
    ctx.events.listen(lambda e: ctx.deadline.stop() if isinstance(e, Step) and e.done >= stop_at else None)
    stopped = train(first, RowFeed(ARRAYS, TRUTH, 16), loss, watch_loss, asked, ctx, epochs=5)
    assert stopped.steps < expected.steps
    assert not same(first, whole)
    torch.manual_seed(99)
    resumed = Bag()  # other weights: all must come from the checkpoint
    again = train(
        resumed, RowFeed(ARRAYS, TRUTH, 16), loss, watch_loss, asked, context(folder=tmp_path / "checkpoints"), epochs=5
    )
    assert same(resumed, whole)
    assert [h["valid_loss"] for h in again.history] == [h["valid_loss"] for h in expected.history]
    assert again.best_epoch == expected.best_epoch
    assert list((tmp_path / "checkpoints").iterdir()) == []  # a fit that is through keeps none


def test_a_checkpoint_of_another_network_is_left_alone(tmp_path):
    ctx = context(folder=tmp_path)
    ctx.events.listen(lambda e: ctx.deadline.stop() if isinstance(e, Step) and e.done > 20 else None)
    train(fresh(), RowFeed(ARRAYS, TRUTH, 16), loss, watch, options(), ctx, epochs=5)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"broken")
    network, plain = fresh(), fresh()
    train(network, RowFeed(ARRAYS, TRUTH, 16), loss, watch, options(), context(folder=tmp_path), epochs=2)
    train(plain, RowFeed(ARRAYS, TRUTH, 16), loss, watch, options(), context(), epochs=2)
    assert same(network, plain)


def test_an_expired_deadline_ends_at_the_next_step_with_something_usable():
    ctx = context()
    ctx.deadline.stop()
    done = train(fresh(), RowFeed(ARRAYS, TRUTH, 16), loss, watch, options(), ctx, epochs=500)
    assert done.steps == 1
    assert len(done.history) == 1


def test_the_plan_is_cut_to_the_time_and_the_rate_still_comes_down(monkeypatch):
    class Slow(Bag):
        def forward(self, tensors: dict[str, Tensor]) -> Tensor:
            import time

            time.sleep(0.004)
            return super().forward(tensors)

    rates: list[float] = []
    monkeypatch.setattr("modelwright.train.loop.schedule", lambda p: rates.append(p) or schedule(p))
    ctx = context(seconds=1.5)
    train(Slow(), RowFeed(ARRAYS, TRUTH, 16), loss, watch, options(), ctx, epochs=10_000)
    assert rates[-1] > 0.8
    assert ctx.deadline.at - 1.5 > 0
    import time

    assert time.monotonic() < ctx.deadline.at + 0.5


def test_a_refit_without_time_says_so():
    ctx = context()
    ctx.deadline.stop()
    with pytest.raises(ModelwrightError, match="refit"):
        train(fresh(), RowFeed(ARRAYS, TRUTH, 16), loss, None, options(), ctx, epochs=3)


def test_divergence_is_an_error_not_a_model():
    def broken(outputs: Tensor, truth: Tensor) -> Tensor:
        return outputs.sum() * float("nan")

    with pytest.raises(ModelwrightError, match="diverged"):
        train(fresh(), RowFeed(ARRAYS, TRUTH, 16), broken, watch, options(), context(), epochs=3)


def test_a_few_rows_left_over_do_not_shift_the_epochs():
    arrays = {"0.ids": Ragged(ARRAYS["0.ids"].values, ARRAYS["0.ids"].offsets[:179])}  # 178 = 11 x 16 + 2
    done = train(fresh(), RowFeed(arrays, TRUTH[:178], 16), loss, None, options(), context(), epochs=14)
    assert [h["epoch"] for h in done.history] == list(range(1, 15))
    assert done.steps == 14 * 11


def test_schedule_warms_up_and_comes_down():
    assert schedule(0.0) == pytest.approx(0.02)
    assert schedule(0.05) == pytest.approx(1.0)
    assert schedule(1.0) == pytest.approx(0.02)
    falling = [schedule(p) for p in np.linspace(0.05, 1, 30)]
    assert falling == sorted(falling, reverse=True)


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_every_parameter_has_one_optimiser_and_biases_do_not_decay(kind):
    network = fresh()
    groups = [(o, g) for o in make_optimizers(network, 0.01, 0.1, kind) for g in o.param_groups]
    seen = [id(p) for _, g in groups for p in g["params"]]
    assert sorted(seen) == sorted(id(p) for p in network.parameters())
    assert all(g.get("weight_decay", 0) == 0 for _, g in groups if any(p.dim() < 2 for p in g["params"]))
    of = {id(p): type(o).__name__ for o, g in groups for p in g["params"]}
    assert of[id(network.table.weight)] == "SparseAdam"
    assert of[id(network.hidden.weight)] == ("Muon" if kind == "muon" else "AdamW")


def test_moving_average_follows_the_weights():
    network = nn.Linear(1, 1, bias=False)
    average = MovingAverage(network, 0.5)
    start = float(network.weight.detach())
    with torch.no_grad():
        network.weight += 1
    for _ in range(40):
        average.update(network)
    assert float(average.shadow["weight"]) == pytest.approx(start + 1, abs=1e-3)


def test_checkpoints_take_a_small_part_of_the_time(tmp_path, monkeypatch):
    from modelwright.train import loop

    saved = []

    def slow(*args):
        saved.append(time.monotonic())
        time.sleep(0.02)

    monkeypatch.setattr(loop, "save_checkpoint", slow)
    began = time.monotonic()
    train(fresh(), RowFeed(ARRAYS, TRUTH, 16), loss, watch, options(), context(folder=tmp_path), epochs=30)
    took = time.monotonic() - began
    assert 1 <= len(saved) <= 2 + took / (0.02 * 20)
