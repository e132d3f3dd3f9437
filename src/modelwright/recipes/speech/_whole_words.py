"""A second opinion on brief speech: a network that names the word of the whole of it, where each recording that is learnt from holds one word.

What one word is can be told of the whole of it at once, an easier lesson than where in it each unit stands: it holds for more voices than were heard.
Longer speech is left to the network of frames. Legend: N recordings, S frames of 10 ms, M mel bands, W words.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Table
from modelwright.features.base import Ragged
from modelwright.features.shared.speech import Front, speaking, wave, waves
from modelwright.features.shared.speech_units import Units
from modelwright.features.shared.transcript_rules import words_of
from modelwright.recipes.shared.loop_options import LoopOptions, Optimizer
from modelwright.recipes.speech._frames import among
from modelwright.recipes.speech._speech import column_of, transcribed

_CHANNELS, _DROPOUT, _SMOOTHING, _BATCH = (24, 48, 96, 128), 0.2, 0.1, 64
_ROWS, _OFTEN, _MOST = 200, 5, 500  # recordings at least, in all and of a word on the mean; words at most
_LONGEST = 4.0  # seconds of a recording of one word
_STEPS_WORTH, _LEAST_STEPS, _LEAST_BATCHES = 400, 60, 20  # of a fit; below which nothing is learnt; of an epoch
_STEPS = 3  # of a probe
_SHARE = 0.35  # of a fit's time at most: the network of frames goes first
# Frames of one word are far from independent: of their log probability, a sum over dozens of them, the likeliest word leads by 220 to 310 nats on
# the median, the network's own by 2 to 4. So divided, both speak about equally loud. Not learnt: what suits one validation speaker misleads on the next.
# Chosen on digits of FSDD, jackson and theo, then lucas and nicolas left out; 50 to 300 serve as well.
_WEIGHTS = (1 / 150, 1.0)
_AT_ONCE = 256


class _Plan(LoopOptions):
    """How the network is trained."""

    lr: float = 3e-3
    optimizer: Optimizer = "adamw"
    patience: int = 8


@dataclass
class WholeWordNet:
    """The network, and what its log probabilities [N, W] weigh beside those of the frames."""

    network: Any
    weights: tuple[float, float] = _WEIGHTS  # of the frames', of its own
    device: str = "cpu"

    def words(self, mels: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        """Return log probabilities [W] of the words of log energies [S, M]; None where nobody speaks."""
        spoken = [spoken_in(mel) for mel in mels]
        found = iter(self.logs([s for s in spoken if s is not None]))
        return [None if s is None else next(found) for s in spoken]

    def logs(self, heard: Sequence[np.ndarray]) -> np.ndarray:
        """Return log probabilities [N, W] of what is heard of words [S, M]."""
        import torch

        from modelwright.train.whole_words import padded

        out = np.zeros((len(heard), self.network.out.out_features))
        order = np.argsort([len(h) for h in heard], kind="stable")
        self.network.eval()
        with torch.inference_mode():
            for at in range(0, len(order), _AT_ONCE):
                index = order[at : at + _AT_ONCE]
                fed = padded([heard[i] for i in index], heard[0].shape[1])
                told = self.network({k: v.to(self.device) for k, v in fed.items()})
                out[index] = told.float().log_softmax(dim=1).cpu().numpy()
        return out

    def together(self, own: np.ndarray, word: np.ndarray) -> np.ndarray:
        """Return log probabilities [..., W] of the words by those of the frames, `own` [..., W], and by this network's, `word` [..., W]."""
        a, b = self.weights
        return among(a * own + b * word)


def net_of(words: int) -> Any:
    """Return an untrained network for so many words."""
    from modelwright.models.whole_words import WholeWords

    return WholeWords(words, _CHANNELS, _DROPOUT)


def spoken_in(mel: np.ndarray) -> np.ndarray | None:
    """Return what the network hears of log energies [S, M] from the first to the last speech; None where nobody speaks."""
    from modelwright.train.whole_words import EDGE, heard

    on = np.flatnonzero(speaking(mel))
    return heard(mel[max(0, int(on[0]) - EDGE) : int(on[-1]) + 1 + EDGE]) if len(on) else None


def suits(texts: Sequence[str], kind: str) -> bool:
    """Return whether transcripts, in units of a kind, are of one word each, of few that come often."""
    different = set(texts)
    return (
        kind in ("auto", "words") and len(texts) >= max(_ROWS, _OFTEN * len(different)) and 2 <= len(different) <= _MOST
        and all(len(words_of(t)) == 1 for t in different)
    )  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """Processor seconds (of the clock, on a GPU) of a step, steps of an epoch, and seconds before the first."""

    step: float
    batches: int
    reading: float

    @property
    def epochs(self) -> int:
        """How many are planned."""
        return max(2, round(_STEPS_WORTH / self.batches))

    @property
    def seconds(self) -> float:
        """What a fit takes."""
        return self.reading + self.epochs * self.batches * self.step

    @property
    def least(self) -> float:
        """What a fit takes that teaches anything."""
        return self.reading + _LEAST_STEPS * self.step


def cost_of(train: Table, front: Front, units: Units, ctx: FitContext) -> Cost:
    """Return what a fit costs, by a few steps on some of the rows; found once."""
    import torch

    key = ("whole-words", "cost", len(train))
    if key not in ctx.cache:
        some = train.take(np.sort(np.random.default_rng(0).permutation(len(train))[:_BATCH]))
        began = time.process_time()
        made = _Words.of(*transcribed(some, ctx), front, units)
        feed, network = made.feed(ctx.seed), net_of(units.size - 1).to(ctx.device).train()
        reading = (time.process_time() - began) / max(1, len(some)) * len(train)
        clock = time.process_time if ctx.device == "cpu" else time.perf_counter
        steps = []
        for batch in (feed.epoch(np.random.default_rng(0)) * _STEPS)[:_STEPS]:
            start = clock()
            inputs, labels = feed.load(batch, ctx.device)
            with torch.autocast(torch.device(ctx.device).type, torch.bfloat16, enabled=_bf16(ctx)):
                outputs = network(inputs)
            torch.nn.functional.cross_entropy(outputs.float(), labels).backward()
            network.zero_grad(set_to_none=True)
            steps.append(clock() - start)
        batches = max(_LEAST_BATCHES, round(len(train) / _BATCH))
        ctx.cache[key] = Cost(1.1 * min(steps), batches, reading + 0.3)
    found: Cost = ctx.cache[key]
    return found


def set_aside(cost: Cost, ctx: FitContext) -> float:
    """Return the seconds that a fit keeps for this network, behind that of the frames; 0 where they would teach it nothing."""
    kept = min(cost.seconds * max(1.0, ctx.load), _SHARE * ctx.deadline.remaining())
    return kept if kept >= cost.least * max(1.0, ctx.load) else 0.0


def fitted(
    train: Table, texts: Sequence[str], front: Front, units: Units, known: tuple[Sequence[np.ndarray], np.ndarray] | None, cost: Cost,
    ctx: FitContext,
) -> tuple[WholeWordNet, int]:  # fmt: skip
    """Return the network, trained until done or the deadline, and its best epoch.

    `known` are the log energies [S, M] of validation recordings and their words [N]. Raises ModelwrightError where there was no time.
    """
    import torch

    from modelwright.train.loop import train as run_loop

    made = _Words.of(train, texts, front, units)
    torch.manual_seed(ctx.seed)
    net = WholeWordNet(net_of(units.size - 1), device=ctx.device)

    def loss(outputs: Any, labels: Any) -> Any:
        return torch.nn.functional.cross_entropy(outputs.float(), labels, label_smoothing=_SMOOTHING)

    def look(network: Any) -> tuple[float, float]:
        told = -float(net.logs(heard)[np.arange(len(truth)), truth].mean())
        return told, -told

    heard: list[np.ndarray] = []
    truth = np.zeros(0, np.int64)
    if known is not None:
        spoken = [spoken_in(mel) for mel in known[0]]
        heard = [s for s in spoken if s is not None]
        truth = known[1][[s is not None for s in spoken]]
    extent: Mapping[str, Any] = (ctx.extent or {}).get("whole") or {}
    epochs = int(extent["epochs"]) if extent else cost.epochs
    # a checkpoint of the folder is the other network's
    trained = run_loop(
        net.network, made.feed(ctx.seed), loss, look if heard else None, _Plan(), replace(ctx, folder=None), epochs=epochs
    )  # fmt: skip
    if ctx.extent and trained.epochs < epochs // 2:
        raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
    return net, max(1, trained.best_epoch or trained.epochs)


def _bf16(ctx: FitContext) -> bool:
    from modelwright.train.precision import in_bf16

    return in_bf16(_Plan().precision, ctx.device)


@dataclass(frozen=True)
class _Words:
    """Recordings of one word each, where in them it is spoken [N, 2], in frames, and which word [N], from 0."""

    held: Ragged
    spans: np.ndarray
    labels: np.ndarray
    front: Front

    @classmethod
    def of(cls, table: Table, texts: Sequence[str], front: Front, units: Units) -> _Words:
        """Read recordings with their words. Raises ModelwrightError where nobody speaks in any."""
        held = waves(table.column(column_of(table.schema) or ""), front.rate, _LONGEST)
        numbers = units.encode(list(texts))
        kept, spans = [], []
        for row in range(len(texts)):
            if numbers.lengths[row] != 1 or not held.lengths[row]:
                continue
            on = np.flatnonzero(speaking(front.frames(wave(held, row))))
            if len(on):
                kept.append(row)
                spans.append((int(on[0]), int(on[-1]) + 1))
        if not kept:
            raise ModelwrightError("there is no recording in which somebody speaks", "没有可听出有人说话的录音")
        index = np.array(kept)
        labels = np.asarray(numbers.values)[np.asarray(numbers.offsets)[index]].astype(np.int64) - 1
        return cls(held.take(index), np.array(spans), labels, front)

    def feed(self, seed: int) -> Any:
        """Return the feed of these recordings."""
        from modelwright.train.whole_words import WordFeed

        return WordFeed(self.held, self.spans, self.labels, self.front, batch=_BATCH, least=_LEAST_BATCHES, seed=seed)
