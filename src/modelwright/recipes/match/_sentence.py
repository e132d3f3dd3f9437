"""What the recipes with sentence encoders share: encoding, pairs for the training loop, the matcher that is kept.

torch is imported inside functions. Legend: N rows, B batch, D width of vectors.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from modelwright.core.answers.value import ValueCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Estimate, FitContext, Model, Options
from modelwright.core.saved import read_tensors, write_tensors
from modelwright.core.schema import Column, Table
from modelwright.features.base import codec_class, load_codecs, save_codecs
from modelwright.features.shared.pairs import NAMES, alike_at, lexical
from modelwright.models.retrieval import DenseIndex
from modelwright.models.searchers import Searcher, Texts, VectorSearcher
from modelwright.recipes.shared.loop_options import Precision
from modelwright.recipes.shared.matching import Matcher, MatchModel, MatchRecipe, Material, finished
from modelwright.recipes.shared.network_options import NetworkOptions

_TOKENS, _ROWS = 8192, 512  # of one call of the encoder
_PROBE = 3
TEXT_COLUMN = Column("text", "text")


class SentenceOptions(NetworkOptions):
    """Options of sentence encoders. `contrast` is the share of the in-batch loss beside that of labelled pairs."""

    encoder: Literal["bag", "cnn", "lstm", "transformer"] = "bag"
    vector: int = Field(default=0, ge=0, le=4096)  # 0 is the width of the encoder
    contrast: float = Field(default=0.2, ge=0, le=10)
    bigrams: bool = True
    embedding: int = 128
    dropout: float = 0.1
    batch: int = Field(default=128, ge=2, le=8192)
    epochs: int = Field(default=5, ge=0, le=1000)
    patience: int = 3
    lr: float = 2e-3
    precision: Precision = "float32"


_KNOWN: dict[bytes, np.ndarray] = {}  # vectors of encoders kept as they came, by encoder and text
_MOST = 256 << 20  # bytes of them


def _remembered(key: str, texts: list[str], embed: Callable[[list[str]], np.ndarray]) -> np.ndarray:
    """Return vectors [N, D], those known from before not embedded again."""
    keys = [hashlib.blake2b(f"{key}\n{t}".encode("utf-8", "replace"), digest_size=16).digest() for t in texts]
    fresh = [i for i, k in enumerate(keys) if k not in _KNOWN]
    made = dict(zip(fresh, embed([texts[i] for i in fresh]), strict=True)) if fresh else {}
    out = np.stack([made[i] if i in made else _KNOWN[k] for i, k in enumerate(keys)])
    if (len(_KNOWN) + len(fresh)) * out[0].nbytes > _MOST:
        _KNOWN.clear()
    _KNOWN.update({keys[i]: v for i, v in made.items()})
    return out


class PairFeed:
    """Pairs of encoded texts for the training loop: rows `a` and `b` [N] of one encoded list, negatives `n` or none.

    `groups` [N] tell pairs of one document or label. Where there are `partners` (texts by label), the second text is
    drawn anew in every epoch.
    """

    def __init__(
        self, arrays: Mapping[str, Any], a: np.ndarray, b: np.ndarray, n: np.ndarray | None, groups: np.ndarray,
        truth: np.ndarray, words: np.ndarray | None, batch: int, by_label: bool = False,
    ) -> None:  # fmt: skip
        from modelwright.train.batches import lengths

        self.arrays, self.a, self.b, self.n = dict(arrays), a, b, n
        self.groups, self.truth, self.words, self.batch, self.by_label = groups, truth, words, batch, by_label
        every = lengths(self.arrays, 1 + int(max(a.max(), b.max(), 0 if n is None else n.max())))
        self.sizes = every[a] + every[b] + (0 if n is None else every[n])
        self.total = int(self.sizes.sum())

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[np.ndarray]:
        """Return pair numbers [B] of each batch: of any length, so that negatives are not told by length."""
        if self.by_label:
            self._draw(rng)
        shuffled = rng.permutation(len(self.a))
        count = max(1, round(len(shuffled) / self.batch))
        return list(np.array_split(shuffled, count))

    def _draw(self, rng: np.random.Generator) -> None:
        """Give every text a partner of its label."""
        order = np.lexsort((rng.random(len(self.groups)), self.groups))
        ends = np.flatnonzero(np.r_[np.diff(self.groups[order]), 1])
        following = np.r_[order[1:], order[0]]
        starts = np.r_[0, ends[:-1] + 1]
        following[ends] = order[starts]
        self.b = self.b.copy()
        self.b[order] = self.a[following]

    def size(self, batch: np.ndarray) -> int:
        """Return the tokens of a batch [B]."""
        return int(self.sizes[batch].sum())

    def load(self, batch: np.ndarray, device: str) -> tuple[Any, Any]:
        """Return the tensors of both sides [B, ...], and (truth [B], groups [B])."""
        import torch

        from modelwright.train.batches import collate

        out: dict[str, Any] = {}
        for side, rows in (("a", self.a), ("b", self.b), ("n", self.n)):
            if rows is not None:
                out |= {f"{side}.{k}": v for k, v in collate(self.arrays, rows[batch], device).items()}
        if self.words is not None:
            out["words"] = torch.from_numpy(self.words[batch]).to(device)
        truth = torch.from_numpy(self.truth[batch]).float().to(device)
        return out, (truth, torch.from_numpy(self.groups[batch]).to(device))


class SentenceMatcher(Matcher):
    """An encoder with its codec; over labelled pairs also a head."""

    hub: ClassVar[bool] = False

    def __init__(self, codec: Any, network: Any, options: SentenceOptions, device: str = "cpu") -> None:
        self.codec, self.network, self.options, self.device = codec, network, options, device

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where a pretrained encoder comes from."""
        return [self.codec.origin] if self.hub else []

    def embed(self, texts: Texts) -> np.ndarray:
        """Return unit vectors [N, D]; an encoder kept as it came embeds each text of a run once."""
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return np.zeros((0, 1), np.float32)
        if not self.frozen or not self.hub:
            vectors = self._embed(distinct)
        else:
            vectors = _remembered(f"{self.codec.origin}{self.codec.length}", distinct, self._embed)
        place = {t: i for i, t in enumerate(distinct)}
        return vectors[[place[t] for t in texts]]

    @property
    def frozen(self) -> bool:
        """Whether the encoder is as it came."""
        return self.options.epochs == 0

    def _embed(self, texts: list[str]) -> np.ndarray:
        """Return unit vectors [N, D]; texts of like length are read together."""
        import torch

        from modelwright.train.batches import collate, lengths

        arrays = self.codec.encode(pa.array(texts, pa.string()))
        sizes = lengths(arrays, len(texts))
        order, at, parts = np.argsort(sizes, kind="stable"), 0, []
        self.network.eval()
        with torch.inference_mode():
            while at < len(order):
                ahead = order[at : at + _ROWS]
                ahead = ahead[: max(1, int((sizes[ahead] * np.arange(1, len(ahead) + 1) <= _TOKENS).sum()))]
                parts.append(self.network.vectors(collate(arrays, ahead, self.device)).cpu().numpy())
                at += len(ahead)
        out = np.empty((len(texts), parts[0].shape[1]), np.float32)
        out[order] = np.concatenate(parts)
        return out

    def similarity(self, a: Texts, b: Texts) -> np.ndarray:
        """Return log odds [N] where pairs were labelled, else cosines."""
        import torch

        if not a:
            return np.zeros(0)
        both = self.embed([*a, *b])
        first, second = both[: len(a)], both[len(a) :]
        if self.network.head is None:
            return np.asarray((first * second).sum(axis=1), np.float64)
        with torch.inference_mode():
            tensors = [torch.from_numpy(x).to(self.device) for x in (first, second, lexical(a, b))]
            return np.asarray(self.network.odds(*tensors).double().cpu().numpy())

    def index(self, contents: Sequence[Texts]) -> Searcher:
        return VectorSearcher.build(contents, self.embed)

    def save(self, folder: Path) -> dict[str, Any]:
        save_codecs(folder, {"text": (TEXT_COLUMN, self.codec)})
        write_tensors(folder / "weights.safetensors", self.network.state_dict())
        plain = {**self.options.model_dump(), "codecs": {}, "vectors": None}
        return {"options": plain, "head": self.network.head is not None}

    @classmethod
    def load(cls, folder: Path, state: Mapping[str, Any]) -> SentenceMatcher:
        from modelwright.models.sentence import PairNetwork

        _, codec = load_codecs(folder)["text"]
        options = cls.options_class()(**state["options"])
        network = PairNetwork(codec, options, len(NAMES) if state["head"] else 0, cls.hub)
        network.load_state_dict(read_tensors(folder / "weights.safetensors"))
        return cls(codec, network.eval(), options)

    @classmethod
    def options_class(cls) -> type[SentenceOptions]:
        """Return the class of the options it keeps."""
        return SentenceOptions

    def restored(
        self, contents: Sequence[Texts] | None, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Searcher:
        return VectorSearcher(DenseIndex(arrays["vectors"]), self.embed)


class SentenceRecipe(MatchRecipe):
    """An encoder trained by the one loop: on labelled pairs, on pairs against the rest of a batch, or on labels."""

    needs: ClassVar[tuple[str, ...]] = ("torch",)
    extra = "nn"
    baseline = False
    matcher: ClassVar[type[SentenceMatcher]] = SentenceMatcher

    def make_codec(self, texts: Texts, options: Any, ctx: FitContext) -> Any:
        """Return the codec, fitted on training texts."""
        found = codec_class("text", "tensor")
        assert found is not None
        return found.fit(pa.array(list(texts), pa.string()), TEXT_COLUMN, None, ctx.seed)

    def make(self, material: Material, options: Any, ctx: FitContext) -> SentenceMatcher:
        """Return a new matcher."""
        import torch

        from modelwright.models.sentence import PairNetwork

        torch.set_num_threads(max(1, ctx.threads))
        codec = self.make_codec(material.texts, options, ctx)
        torch.manual_seed(ctx.seed)
        words = 0 if ctx.target.kind == "objects" else len(NAMES)
        network = PairNetwork(codec, options, words, self.matcher.hub).to(ctx.device)
        return self.matcher(codec, network, options, ctx.device)

    def feed(self, matcher: SentenceMatcher, material: Material, options: Any, ctx: FitContext) -> PairFeed:
        """Return the pairs, encoded."""
        place = {t: i for i, t in enumerate(dict.fromkeys([*material.a, *material.b, *(material.negatives or [])]))}
        arrays = matcher.codec.encode(pa.array(list(place), pa.string()))
        a, b = (np.array([place[t] for t in side]) for side in (material.a, material.b))
        n = np.array([place[t] for t in material.negatives]) if material.negatives else None
        pairs = ctx.target.kind != "objects"
        groups = material.labels if material.labels is not None else b
        words = lexical(material.a, material.b) if pairs else None
        return PairFeed(
            arrays, a, b, n, np.asarray(groups), graded(material.truth, ctx) if pairs else np.ones(len(a)), words,
            options.batch, material.labels is not None,
        )  # fmt: skip

    def loss(self, options: Any, ctx: FitContext) -> Any:
        """Return the loss of what the network gives."""
        from modelwright.models.sentence import contrast, labelled

        if ctx.target.kind == "objects":
            return lambda found, due: contrast(found, due[1])
        return lambda found, due: labelled(found, due[0], options.contrast)

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, SentenceOptions)
        key = ("sentence-estimate", self.name, options.model_dump_json(exclude={"epochs"}))
        if key not in ctx.cache:
            ctx.cache[key] = self._probe(train, options, ctx)
        step, row, size = ctx.cache[key]
        steps = options.epochs * max(1.0, len(train) / options.batch)
        return Estimate(1.1 * step * steps + row * len(train) + 0.5, size)

    def _probe(self, train: Table, options: SentenceOptions, ctx: FitContext) -> tuple[float, float, int]:
        some = Material(train.take(np.arange(min(len(train), max(256, options.batch)))), ctx.target)
        matcher = self.make(some, options, ctx)
        loss = self.loss(options, ctx)
        begin = time.perf_counter()  # what is made once is no cost of rows
        feed = self.feed(matcher, some, options, ctx)
        row = (time.perf_counter() - begin) / max(1, len(some.a))
        times = []
        matcher.network.train()
        for batch in (feed.epoch(np.random.default_rng(0)) * _PROBE)[:_PROBE]:
            begin = time.perf_counter()
            tensors, due = feed.load(batch, ctx.device)
            loss(matcher.network(tensors), due).backward()
            times.append(1.3 * (time.perf_counter() - begin))
            matcher.network.zero_grad(set_to_none=True)
        weights = sum(p.numel() for p in matcher.network.parameters()) * 4
        return min(times), row, int(6 * weights + 2000 * len(train) + (200 << 20))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        from modelwright.train.loop import train as run_loop

        assert isinstance(options, SentenceOptions)
        material = Material(train, ctx.target)
        if not any(material.a):
            raise ModelwrightError("the training rows hold no text", "训练数据中没有文本")
        matcher = self.make(material, options, ctx)
        made: Any = self.model
        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        history: list[dict[str, float]] = []
        extent: dict[str, Any] = {"epochs": epochs}
        if epochs:
            watch = None
            if valid is not None and len(valid):
                held = valid

                def watch(net: Any) -> tuple[float, float]:
                    value = self._value(made, matcher, material, held, ctx)
                    return -value, value

            feed = self.feed(matcher, material, options, ctx)
            trained = run_loop(matcher.network, feed, self.loss(options, ctx), watch, options, ctx, epochs=epochs)
            if valid is None and trained.epochs < epochs:
                raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
            history, extent = trained.history, {"epochs": max(1, trained.best_epoch or trained.epochs)}
        self.finish(matcher)
        return finished(made, matcher, material, ctx.target, extent, history)

    def finish(self, matcher: SentenceMatcher) -> None:
        """Bring the network to the form in which it is kept."""
        matcher.network.eval()

    def _value(self, made: Any, matcher: SentenceMatcher, material: Material, valid: Table, ctx: FitContext) -> float:
        """Return the ranking metric on validation rows, signed so that more is better."""
        model = made(matcher, ctx.target, material.columns, {})
        if ctx.target.kind == "objects":
            model.set_documents(material.documents, material.contents)
        elif isinstance(ctx.target, ValueCodec):
            model.calibrate(material.a[:2000], material.b[:2000], material.truth[:2000])
        value = ctx.value(valid, model.judge(valid))
        return value if np.isfinite(value) else 0.0


def graded(truth: np.ndarray, ctx: FitContext) -> np.ndarray:
    """Return how alike pairs are, float64 [N] in 0..1, of `truth` [N]: numbers within the target's range, or one of two labels."""
    if isinstance(ctx.target, ValueCodec):
        return np.clip((truth - ctx.target.low) / max(1e-9, ctx.target.high - ctx.target.low), 0, 1)
    return np.asarray(truth == alike_at(ctx.target.labels), np.float64)


class SentenceModel(MatchModel):
    """A sentence encoder."""

    matcher_class = SentenceMatcher
