"""What the networks that trace knowledge share: windows of answers, fitting by the one loop, saving.

torch is imported inside functions. Legend: E answers, W windows, B windows of a batch, T places of a window, D features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options, Range
from modelwright.core.saved import Loading, read_arrays, write_arrays
from modelwright.core.schema import Table
from modelwright.features.shared.learners import Answers, Skills
from modelwright.models.bkt import Bkt
from modelwright.recipes.shared.calibration import sigmoid
from modelwright.recipes.shared.loop_options import LoopOptions, Optimizer
from modelwright.recipes.shared.tracing import TraceModel, TraceRecipe, learnt, watched
from modelwright.recipes.trace._features import TraceFeatures

_FLOPS = 4e10  # what a core does of these networks in a second
_WATCHED = 60_000  # answers of held-out learners that are looked at between epochs


class TracerOptions(LoopOptions):
    """Options of the networks; a recipe sets its own defaults. `features` gives what is counted beside to the last layer."""

    width: int = Field(default=128, ge=8, le=1024, multiple_of=4)
    layers: int = Field(default=1, ge=1, le=8)
    heads: int = Field(default=0, ge=0, le=16)
    window: int = Field(default=200, ge=8, le=2000)
    features: bool = True
    dropout: float = Field(default=0.3, ge=0, lt=1)
    batch: int = Field(default=32, ge=1, le=1024)
    epochs: int = 12
    patience: int = 3
    lr: float = 3e-3
    optimizer: Optimizer = "adamw"


@dataclass(frozen=True)
class Windows:
    """Windows of answers: `index` [W, T] into E answers (-1 for none), `before` [W, T] how many of its window's answers each may look
    at, `counted` [W, T] those whose chance is read here."""

    index: np.ndarray
    before: np.ndarray
    counted: np.ndarray

    @classmethod
    def cut(cls, answers: Answers, longest: int, overlap: int) -> Windows:
        """Cut sequences into windows; after the first one, the first `overlap` places of a window are there to be looked at only.

        Questions not answered yet look at the window in which the next answer would stand.
        """
        steps = max(1, longest - overlap)
        rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        ends = np.bincount(answers.owner[answers.right >= 0], minlength=len(answers.begins) - 1)
        for begin, end, done in zip(
            answers.begins[:-1].tolist(), answers.begins[1:].tolist(), ends.tolist(), strict=True
        ):
            last = max(0, (done - 1 - overlap) // steps) if done else -1
            asked = np.arange(begin + done, end)
            own = max(0, (done - overlap) // steps) if len(asked) else last
            for k in sorted({*range(last + 1), own}):
                first = k * steps
                places = np.arange(first, min(done, first + longest))
                counted = (places >= (first + overlap if k else 0)) & (k <= last)
                look = places - first
                if len(asked) and k == own:
                    places = np.r_[places, asked - begin]
                    look = np.r_[look, np.full(len(asked), done - first)]
                    counted = np.r_[counted, np.ones(len(asked), bool)]
                rows.append((begin + places, look, counted))
        width = max((len(r) for r, _, _ in rows), default=1)
        index, before = np.full((len(rows), width), -1), np.zeros((len(rows), width), np.int64)
        own_places = np.zeros((len(rows), width), bool)
        for i, (places, look, counted) in enumerate(rows):
            index[i, : len(places)], before[i, : len(places)], own_places[i, : len(places)] = places, look, counted
        return cls(index, before, own_places)

    @property
    def lengths(self) -> np.ndarray:
        """Places of each window [W]."""
        return np.asarray((self.index >= 0).sum(axis=1))


class WindowFeed:
    """Windows in batches of like length: what the training loop is fed with."""

    def __init__(self, answers: Answers, windows: Windows, more: np.ndarray | None, batch: int) -> None:
        self.answers, self.windows, self.more, self.batch = answers, windows, more, batch
        self.sizes = windows.lengths
        self.total = int(self.sizes.sum())

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[np.ndarray]:
        """Return window numbers [B] of each batch."""
        from modelwright.train.batches import order

        return order(self.sizes, self.batch, rng)

    def size(self, batch: np.ndarray) -> int:
        """Return the answers of a batch [B]."""
        return int(self.sizes[batch].sum())

    def load(self, batch: np.ndarray, device: str) -> tuple[Any, Any]:
        """Return the tensors of the windows; and right or wrong [B, T], -1 where nothing is to be learnt."""
        import torch

        length = max(1, int(self.sizes[batch].max()))
        index = self.windows.index[batch, :length]
        inside, at = index >= 0, np.maximum(index, 0)
        skill = np.where(inside, self.answers.skills[at], self.answers.count)
        right = np.where(inside, np.maximum(self.answers.right[at], 0), 0)
        made: dict[str, Any] = {
            "skill": skill,
            "right": right,
            "before": np.maximum(self.windows.before[batch, :length], 0),
        }
        tensors: dict[str, Any] = {k: torch.from_numpy(np.ascontiguousarray(v)).to(device) for k, v in made.items()}
        if self.more is not None:
            tensors["more"] = torch.from_numpy(self.more[at]).to(device)
        counted = inside & self.windows.counted[batch, :length] & (self.answers.right[at] >= 0)
        return tensors, torch.from_numpy(np.where(counted, right, -1)).to(device)


class TracerModel(TraceModel):
    """A network, and the features that it takes beside."""

    recipe: ClassVar[str]
    options_class: ClassVar[type[TracerOptions]] = TracerOptions

    def __init__(
        self, skills: Skills, bkt: Bkt, options: TracerOptions, features: TraceFeatures | None, scale: np.ndarray,
        network: Any, device: str,
    ) -> None:  # fmt: skip
        super().__init__(skills, bkt)
        self.options, self.features, self.scale, self.network, self.device = options, features, scale, network, device

    def chances(self, answers: Answers) -> np.ndarray:
        return np.asarray(sigmoid(self.logits(self.network, answers)))

    def logits(self, network: Any, answers: Answers, more: np.ndarray | None = None) -> np.ndarray:
        """Return the network's logits [E]."""
        import torch

        out = np.zeros(len(answers))
        if not len(answers):
            return out
        if more is None and self.features is not None:
            more = standard(self.features.encode(answers), self.scale)
        windows = windows_of(answers, self.options)
        feed = WindowFeed(answers, windows, more, self.options.batch)
        order = np.argsort(-feed.sizes, kind="stable")
        network.eval()
        with torch.inference_mode():
            at = 0
            while at < len(order):
                some = order[at : at + max(1, 16_384 // int(feed.sizes[order[at]]))]
                tensors, _ = feed.load(some, self.device)
                found = network(tensors).double().cpu().numpy()
                index, own = windows.index[some, : found.shape[1]], windows.counted[some, : found.shape[1]]
                own = own & (index >= 0)
                out[index[own]] = found[own]
                at += len(some)
        return out

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        made = {} if self.features is None else self.features.arrays()
        return {"options": self.options.model_dump()}, {**made, "scale": self.scale}

    @classmethod
    def made(cls, skills: Skills, bkt: Bkt, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> TraceModel:
        options = cls.options_class(**state["options"])
        features = TraceFeatures.restored(arrays, bkt) if options.features else None
        if features is not None and arrays["scale"].shape != (2, features.width):
            raise ValueError("scale")
        return cls(
            skills, bkt, options, features, arrays["scale"], network_of(len(skills), options, arrays["scale"]), "cpu"
        )

    def save(self, folder: Path) -> None:
        super().save(folder)
        tensors = {k: v.detach().cpu().numpy() for k, v in self.network.state_dict().items()}
        write_arrays(folder / "network.safetensors", tensors)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Model:
        import torch

        model = super().load(folder, target)
        assert isinstance(model, TracerModel)
        with Loading(folder):
            tensors = read_arrays(folder / "network.safetensors")
            model.network.load_state_dict({k: torch.from_numpy(v) for k, v in tensors.items()})
        model.network.eval()
        return model


def windows_of(answers: Answers, options: TracerOptions) -> Windows:
    """Return the windows in which answers are judged: whole sequences for an LSTM, overlapping ones for attention."""
    if not options.heads:
        return Windows.cut(answers, max(1, int(np.diff(answers.begins).max(initial=1))), 0)
    return Windows.cut(answers, options.window, options.window // 2)


def network_of(skills: int, options: TracerOptions, scale: np.ndarray) -> Any:
    """Return a fresh `Tracer`; `scale` [2, F] are mean and deviation of further features."""
    from modelwright.models.tracer import Tracer

    more = scale.shape[1] if options.features else 0
    return Tracer(skills, options.width, options.dropout, layers=options.layers, heads=options.heads, more=more)


def standard(matrix: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return features less their mean, over their deviation, none far out [E, D] float32."""
    return np.clip((matrix - scale[0]) / scale[1], -5, 5).astype(np.float32)


class TracerRecipe(TraceRecipe):
    """A network that traces knowledge."""

    seeded = True
    needs: ClassVar[tuple[str, ...]] = ("torch",)
    extra = "nn"
    space: ClassVar[dict[str, Axis]] = {
        "lr": Range(1e-3, 1e-2, log=True),
        "width": Choice((64, 96, 128, 192)),
        "dropout": Range(0.1, 0.5),
        "features": Choice((True, False)),
    }

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        """From the multiplications: eight matrices of the width for each layer, three times over for a step of training."""
        assert isinstance(options, TracerOptions)
        reach = options.window * options.heads * 4 if options.heads else 0
        each = 3 * (2 * 10 * options.width**2 * options.layers + 2 * options.width * reach)
        epoch = each * len(train) / _FLOPS
        return Estimate(2 + 2e-4 * len(train) + epoch * options.epochs, 4000 * len(train) + (300 << 20), 3 + 2 * epoch)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import torch

        from modelwright.train.loop import train as run_loop

        assert isinstance(options, TracerOptions)
        found = learnt(train, ctx)
        features, more, scale = None, None, np.zeros((2, 0), np.float32)
        if options.features:
            features, matrix = TraceFeatures.fitted(found, ctx)
            scale = np.stack([matrix.mean(axis=0), np.maximum(matrix.std(axis=0), 1e-3)]).astype(np.float32)
            more = standard(matrix, scale)
        torch.manual_seed(ctx.seed)
        network = network_of(len(found.skills), options, scale)
        made: Any = self.model
        model: TracerModel = made(found.skills, found.bkt, options, features, scale, network, ctx.device)
        windows = Windows.cut(found.answers, options.window, options.window // (2 if options.heads else 10))
        feed = WindowFeed(found.answers, windows, more, options.batch)
        watch, looks = None, 0.0
        if valid is not None and len(valid):
            answers, counted = watched(valid, found)
            answers, counted = _some(answers, counted)
            beside = standard(features.encode(answers), scale) if features is not None else None
            looks = len(answers) / max(1, len(found.answers))

            def watch(net: Any) -> tuple[float, float]:
                logits = model.logits(net, answers, beside)[counted]
                truth = answers.right[counted]
                loss = float((np.logaddexp(0, logits) - truth * logits).mean())
                return loss, -loss

        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        trained = run_loop(network, feed, _loss, watch, options, ctx, epochs=epochs, looks=looks)
        network.requires_grad_(False)
        network.to("cpu")
        model.device = "cpu"
        model.extent, model.history = {"epochs": max(1, trained.best_epoch or trained.epochs)}, trained.history
        return found.done(model)


def _some(answers: Answers, counted: np.ndarray) -> tuple[Answers, np.ndarray]:
    """Return as many sequences as suffice to be looked at between epochs."""
    ends = np.cumsum(np.diff(answers.begins))
    many = max(1, int(np.searchsorted(ends, _WATCHED, side="right")))
    if many >= len(ends):
        return answers, counted
    return answers.take(np.arange(many)), counted[: int(ends[many - 1])]


def _loss(logits: Any, truth: Any) -> Any:
    from torch.nn.functional import binary_cross_entropy_with_logits

    told = truth >= 0
    return binary_cross_entropy_with_logits(logits[told], truth[told].to(logits.dtype))
