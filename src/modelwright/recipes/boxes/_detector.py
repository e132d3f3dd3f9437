"""What the detectors share: how they are planned and fitted through the one loop.

Legend: N rows, V views (canvases: a picture, or its tiles), K labels.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.device import free_memory
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.canvas import Canvas, move, small_side
from modelwright.recipes.boxes._boxes import (
    BoxRecipe,
    curves_of,
    marked_rows,
    picture_column,
)
from modelwright.recipes.boxes._detector_model import DetectorModel as DetectorModel
from modelwright.recipes.boxes._detector_model import DetectorOptions as DetectorOptions
from modelwright.recipes.boxes._detector_model import build
from modelwright.recipes.boxes._sizes import sizes_of
from modelwright.recipes.shared.image import may_flip

_ENOUGH = 0.5  # share of its epochs that a refit must go through
_WATCHED = 400  # pictures looked at while it trains, at most
_PROBE_STEPS = 3
_GAIN = 0.004  # of the finer metric on validation pictures, for which each is looked at twice
_LOSS = 0.01  # of the ranking metric that may be lost by it: on few pictures chance moves it so far
_UPSIDE = 2.0  # standard errors within which pictures count as the same upside down
_NO_UP = 0.9  # share of the finer metric that is kept upside down, by a network that never learnt it, where pictures have no up
_TURNING = 6  # it is looked at after one part in so many of the epochs


class DetectorRecipe(BoxRecipe):
    """A detector without anchors, trained by the one loop."""

    needs: ClassVar[tuple[str, ...]] = ("torch", "PIL", "pycocotools")
    extra = "detection"
    leads = "image"
    baseline = False
    options = DetectorOptions
    space: ClassVar[Mapping[str, Axis]] = {
        "lr": Range(5e-4, 6e-3, log=True),
        "zoom": Choice((0.2, 0.4, 0.7)),
        "light": Choice((0.1, 0.3, 0.5)),
        "mosaic": Choice((0.0, 0.3, 0.6)),
        "neck": Choice((48, 64, 96)),
    }

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        why = super().refuses(schema, target, rows)
        if why is None and not target.labels:
            return Words("no box is marked in the training pictures", "训练图片中没有任何标注框")
        return why

    def backbone(self, options: DetectorOptions) -> tuple[dict[str, Any] | None, Path | None]:
        """Return what describes a pretrained backbone and its folder; None for one from scratch."""
        return None, None

    def network(self, options: DetectorOptions, target: TargetCodec) -> Any:
        """Return the network that is trained."""
        return build(options, target, *self.backbone(options))

    def loss(self, outputs: Any, truth: Any) -> Any:
        """Return the mean loss of a batch, of what the network gave and what the feed says is true."""
        from modelwright.models.detection.loss import detection_loss

        return detection_loss(outputs, truth)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [self.options(**plan(rows), flip=may_flip(target))]

    def cheaper(self, options: Options, schema: Schema) -> list[Options]:
        assert isinstance(options, DetectorOptions)
        return [options.model_copy(update={"most_side": side}) for side in (416, 320, 256) if side < options.most_side]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, DetectorOptions)
        key = ("detector-estimate", self.name, options.model_dump_json(exclude={"epochs", "patience"}))
        if key not in ctx.cache:
            ctx.cache[key] = self._probe(train, options, ctx)
        step, encode_row, views, size = ctx.cache[key]
        steps = max(1.0, views * len(train) / options.batch)
        reading = encode_row * len(train) + 0.5
        return Estimate(step * steps * options.epochs * 1.1 + reading, size, reading + step * min(10 * steps, 200.0))

    def _probe(self, train: Table, options: DetectorOptions, ctx: FitContext) -> tuple[float, float, int, int]:
        """Return seconds of a step, seconds to read a picture, views of a picture, and bytes, from a few steps on few pictures."""
        import torch

        from modelwright.train.precision import in_bf16

        torch.set_num_threads(1)
        some = train.take(np.sort(np.random.default_rng(0).permutation(len(train))[: options.batch]))
        began = time.process_time()
        canvas, views, boxes, labels = self.views(
            *marked_rows(some, ctx.target), options, canvas_of(train, ctx, options)
        )
        encode_row = (time.process_time() - began) / max(1, len(some))
        network = self.network(options, ctx.target).to(ctx.device).train()
        feed = self.feed(views, boxes, labels, options, ctx, 1)
        bf16 = in_bf16(options.precision, ctx.device)
        clock = time.process_time if ctx.device == "cpu" else time.perf_counter
        times, batch = [], np.resize(np.arange(len(views)), options.batch)
        for _ in range(_PROBE_STEPS):
            began = clock()
            tensors, truth = feed.load(batch, ctx.device)
            with torch.autocast(torch.device(ctx.device).type, torch.bfloat16, enabled=bf16):
                raw = network(tensors)
            self.loss(raw, truth).backward()
            network.zero_grad(set_to_none=True)
            times.append(clock() - began)
            if sum(times) > ctx.probe:
                break
        weights = sum(p.numel() for p in network.parameters()) * 4
        each = canvas.tiles * canvas.width * canvas.height * 3
        held = min(each * len(train), free_memory() // 4)
        work = options.batch * canvas.width * canvas.height * 400
        return min(times) * 1.1, encode_row, canvas.tiles, int(6 * weights + held + work + (300 << 20))

    def views(
        self, table: Table, marked: Sequence[tuple[np.ndarray, np.ndarray]], options: DetectorOptions, canvas: Canvas
    ) -> tuple[Canvas, np.ndarray, list[np.ndarray], list[np.ndarray]]:
        """Return the canvas, the views of a table's pictures [V, H, W, 3], and the boxes and label numbers of each."""
        from modelwright.models.detection.augment import seen

        pixels, places, _ = canvas.encode(table.column(picture_column(table.schema) or ""))
        boxes, labels = [], []
        for (b, k), where in zip(marked, places, strict=True):
            for place in where:
                own, kinds = seen(move(b, place), k, (0, 0, canvas.width, canvas.height))
                boxes.append(own)
                labels.append(kinds)
        return canvas, pixels, boxes, labels

    def feed(self, views: Any, boxes: Any, labels: Any, options: DetectorOptions, ctx: FitContext, epochs: int) -> Any:
        """Return what the loop is fed with."""
        from modelwright.models.detection.augment import Changes
        from modelwright.train.boxes import BoxFeed

        changes = Changes(options.flip, options.upside, options.zoom, options.light, options.mosaic)
        return BoxFeed(
            views, boxes, labels, options.batch, changes, seed=ctx.seed, epochs=epochs, deadline=ctx.deadline
        )

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import torch

        from modelwright.train.loop import train as run_loop

        assert isinstance(options, DetectorOptions)
        train, marked = marked_rows(train, ctx.target)
        canvas = canvas_of(train, ctx, options)
        _, views, boxes, labels = self.views(train, marked, options, canvas)
        told = self.backbone(options)[0]
        known = bool(ctx.extent and ctx.extent.get("upside"))  # from the fit that this one repeats
        upside = options.upside or known or _same_upside_down(views, boxes, options)
        options = options.model_copy(update={"upside": upside})
        torch.manual_seed(ctx.seed)
        network = self.network(options, ctx.target)
        made: Any = self.model
        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        asked, due = False, max(3, epochs // _TURNING)
        watch, held = None, None
        truth: list[Any] = []
        if valid is not None and len(valid):
            held, truth = marked_rows(valid, ctx.target)
        if held is not None and len(held):
            some = held.take(np.arange(min(_WATCHED, len(held))))

            def watch(net: Any) -> tuple[float, ...]:
                nonlocal asked, options
                assert isinstance(options, DetectorOptions)
                model = made(net, canvas, options, ctx.target, {}, [], ctx.device)
                value, finer = (v if np.isfinite(v) else 0.0 for v in ctx.values(some, model.scores(some)))
                ask = not asked and options.flip and not options.upside and feed.number + 1 >= due
                asked = (
                    asked or ask
                )  # at once in a fit that is resumed after it was due: it may have been turned before
                if ask and _no_up(model, some, finer, ctx):
                    feed.turn()
                    ctx.events.note(
                        f"{ctx.name}: pictures are learnt upside down as well, since as much is found in them so.",
                        f"{ctx.name}：图片上下颠倒后检出效果相当，因此训练时也会上下翻转。",
                    )
                    options = options.model_copy(update={"upside": True})
                return -value, value, finer

        feed = self.feed(views, boxes, labels, options, ctx, epochs)
        looks = min(_WATCHED, len(held)) / max(1, len(train)) if held is not None else 0.0
        trained = run_loop(network, feed, self.loss, watch, options, ctx, epochs=epochs, looks=looks)
        if valid is None and trained.epochs < _ENOUGH * epochs:
            raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
        extent: dict[str, Any] = {"epochs": max(1, trained.best_epoch or trained.epochs), "upside": options.upside}
        model = made(network, canvas, options, ctx.target, extent, trained.history, ctx.device, told)
        if ctx.extent:
            extent["mirrored"] = bool(ctx.extent.get("mirrored"))
        elif held is not None and len(held) and options.flip and model.mirrors:
            extent["mirrored"] = _better_mirrored(model, held.take(np.arange(min(_WATCHED, len(held)))), ctx)
        if ctx.extent and "curves" in ctx.extent:
            extent["curves"] = list(ctx.extent["curves"])
        else:
            seen, right = (held, truth) if held is not None and len(held) else (train, marked)
            index = np.arange(min(_WATCHED, len(seen)))
            extent["curves"] = curves_of(
                model.find(seen.take(index)), [right[i] for i in index], len(ctx.target.labels)
            )
        return made(network, canvas, options, ctx.target, extent, trained.history, ctx.device, told)


def _no_up(model: DetectorModel, table: Table, finer: float, ctx: FitContext) -> bool:
    """Whether pictures of a table have no up: a network that never saw one upside down, and finds boxes `finer` well, finds about as much there."""
    upside = ctx.values(table, model.scores_upside_down(table))[1] if finer > 0 else 0.0
    return bool(upside >= _NO_UP * finer > 0)


def _better_mirrored(model: DetectorModel, table: Table, ctx: FitContext) -> bool:
    """Whether a model finds more in validation pictures where each is looked at mirrored as well, in a time that an answer may take."""
    began = time.perf_counter()
    value, finer = ctx.values(table, model.scores(table))
    spent = time.perf_counter() - began
    if (ctx.latency is not None and 2 * spent / len(table) > ctx.latency) or ctx.deadline.remaining() < 2 * spent:
        return False
    model.extent["mirrored"] = True
    both, finer_both = ctx.values(table, model.scores(table))
    model.extent["mirrored"] = False
    return finer_both > finer + _GAIN and both > value - _LOSS


def plan(rows: int) -> dict[str, Any]:
    """Return batch and epochs for a number of pictures: more passes over fewer."""
    if rows < 64:
        return {"batch": 8, "epochs": 150, "size": "tiny"}
    if rows < 1000:
        return {"batch": 8, "epochs": 120}
    return {"batch": 16, "epochs": max(12, min(100, 100_000 // rows)), "size": "medium"}


def canvas_of(table: Table, ctx: FitContext, options: DetectorOptions) -> Canvas:
    """Return the canvas that suits the pictures of a table and their boxes; looked at once."""
    key = ("detector-canvas", len(table), int(table.rows[:50].sum()) if len(table) else 0, options.most_side)
    if key not in ctx.cache:
        some, marked = marked_rows(
            table.take(np.sort(np.random.default_rng(0).permutation(len(table))[:300])), ctx.target
        )
        sizes = [s for s in sizes_of(some.column(picture_column(some.schema) or "")) if s is not None]
        boxes = np.concatenate([b for b, _ in marked] or [np.zeros((0, 4))])
        labels = np.concatenate([k for _, k in marked] or [np.zeros(0, np.int64)])
        ctx.cache[key] = Canvas.fit(sizes, small_side(boxes, labels), options.most_side)
    found: Canvas = ctx.cache[key]
    return found


def _same_upside_down(views: np.ndarray, boxes: Sequence[np.ndarray], options: DetectorOptions) -> bool:
    """Whether pictures look the same upside down: neither light nor boxes are higher up or lower down than chance would have them."""
    if not options.flip or len(views) < 20:
        return False
    some = views[np.linspace(0, len(views) - 1, min(len(views), 200)).astype(int)].astype(np.float32)
    half = some.shape[1] // 2
    apart = some[:, :half].mean((1, 2)) - some[:, half : 2 * half].mean((1, 2))  # by colour
    above = np.concatenate([(b[:, 1] + b[:, 3]) / 2 for b in boxes] or [np.zeros(0)])
    if len(above) < 20:
        return False
    error = apart.std(0) / np.sqrt(len(apart)) + 1e-3
    lean = abs(above.mean() - views.shape[1] / 2) / (above.std() / np.sqrt(len(above)) + 1e-3)
    return bool((np.abs(apart.mean(0)) < _UPSIDE * error).all() and lean < 2 * _UPSIDE)
