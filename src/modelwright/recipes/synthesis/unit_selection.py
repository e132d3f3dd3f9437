"""Concatenation: recorded sounds chosen so that they fit their neighbours, joined, and made audible by Griffin-Lim.

Legend: U units that are kept, L sounds of a sentence, K candidates, S frames, M mel bands.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field

from modelwright.core.recipe import Choice, FitContext, Model, Options
from modelwright.core.saved import read_arrays, write_arrays
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.models.griffin_lim import griffin_lim
from modelwright.recipes.shared.synthesis import Plan, VoiceModel, VoiceOptions, VoiceRecipe
from modelwright.recipes.shared.synthesis_corpus import Corpus, Voice
from modelwright.recipes.synthesis._averages import averaged

_CANDIDATES = 24
_BLEND = 2  # frames on each side of a join that are made to meet
_MOST_FRAMES = 60_000  # ten minutes of a speaker


class UnitOptions(VoiceOptions):
    """`join` weighs how badly two units meet against how badly they fit their places; `kept` units of a sound at most."""

    join: float = Field(default=0.5, ge=0, le=10)
    kept: int = Field(default=60, ge=1, le=1000)


class UnitModel(VoiceModel):
    """Units: keys [U, 5] (base, mark, first, base before, base after), speaker [U], frames as they were, one after the other."""

    recipe = "unit-selection"

    def __init__(self, voice: Voice, arrays: dict[str, np.ndarray], options: UnitOptions) -> None:
        super().__init__(voice)
        self.arrays, self.options = arrays, options
        self.ends = np.cumsum(arrays["sizes"])
        self.places: dict[tuple[int, int], np.ndarray] = {}
        keys = np.stack([arrays["speakers"], arrays["keys"][:, 0]], 1)
        for key in np.unique(keys, axis=0):
            self.places[int(key[0]), int(key[1])] = np.flatnonzero((keys == key).all(1))

    def sound(self, plan: Plan) -> np.ndarray:
        ids = plan.units
        chosen = self._chosen(plan)
        lengths = np.array(
            [self.arrays["mean_frames"][i] if u < 0 else self.arrays["sizes"][u] for i, u in zip(ids[:, 0], chosen)]
        )
        frames = self.frames(plan, lengths.astype(np.float64))
        parts = []
        for i, u, n in zip(ids[:, 0], chosen, frames, strict=True):
            whole = (
                self.arrays["mean"][i]
                if u < 0
                else self.arrays["frames"][self.ends[u] - self.arrays["sizes"][u] : self.ends[u]]
            )
            if n:
                parts.append(
                    whole.astype(np.float32)[
                        np.minimum(len(whole) - 1, (np.arange(n) + 0.5) * len(whole) / n).astype(int)
                    ]
                )
        return griffin_lim(_joined(parts), self.rate) if parts else np.zeros(0, np.float32)

    def _chosen(self, plan: Plan) -> np.ndarray:
        """Return the units [L] of the cheapest path; -1 where the voice has none of a sound."""
        base = plan.units[:, 0]
        before, after = np.concatenate([[0], base[:-1]]), np.concatenate([base[1:], [0]])
        keys, frames = self.arrays["keys"], self.arrays["frames"]
        score, last, steps = np.zeros(1), np.array([-1]), []
        for at in range(len(base)):
            units = self.places.get((plan.speaker, int(base[at])), np.array([-1]))
            if units[0] >= 0:
                key = keys[units]
                cost = 0.6 * (key[:, 1] != plan.units[at, 1]) + 0.2 * (key[:, 2] != plan.units[at, 2])
                cost = cost + 1.0 * (key[:, 3] != before[at]) + 1.0 * (key[:, 4] != after[at])
                near = np.argsort(cost, kind="stable")[:_CANDIDATES]
                units, cost = units[near], cost[near]
            else:
                cost = np.zeros(1)
            step = np.zeros((len(last), len(units)))
            if units[0] >= 0 and last[0] >= 0:
                left, right = frames[self.ends[last] - 1], frames[self.ends[units] - self.arrays["sizes"][units]]
                step = self.options.join * np.abs(
                    left.astype(np.float32)[:, None] - right.astype(np.float32)[None]
                ).mean(2)
            total = score[:, None] + step
            steps.append((units, total.argmin(0)))
            score, last = total.min(0) + cost, units
        out, k = np.zeros(len(base), np.int64), int(score.argmin())
        for at in range(len(base) - 1, -1, -1):
            units, back = steps[at]
            out[at], k = units[k], int(back[k])
        return out

    def own(self, folder: Path) -> dict[str, Any]:
        write_arrays(folder / "units.safetensors", self.arrays)
        return {"options": self.options.model_dump()}

    @classmethod
    def restored(cls, voice: Voice, state: dict[str, Any], folder: Path) -> Self:
        return cls(voice, read_arrays(folder / "units.safetensors"), UnitOptions(**state["options"]))


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """Return parts [S, M] one after the other, frames at each join drawn towards the mean of both sides."""
    out = np.concatenate(parts)
    at = 0
    for left, right in itertools.pairwise(parts):
        at += len(left)
        middle = 0.5 * (left[-1] + right[0])
        for k in range(_BLEND):
            share = 0.5 * (1 - k / _BLEND)
            for place, own in ((at - 1 - k, k < len(left)), (at + k, k < len(right))):
                if own:
                    out[place] += share * (middle - out[place])
    return out


class UnitSelection(VoiceRecipe):
    """What a bundle keeps are spectra of single sounds, in no order from which a recording could be put together."""

    name = "unit-selection"
    title = Words("recorded sounds joined", "拼接录音单元")
    rank = 3
    paper = "Hunt & Black 1996, doi 10.1109/ICASSP.1996.541110"
    baseline = True
    seeded = False
    options = UnitOptions
    model = UnitModel
    space: ClassVar[dict[str, Any]] = {"join": Choice((0.25, 0.5, 1.0)), "kept": Choice((30, 60, 120))}

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, UnitOptions)
        known = self.corpus(train, options, ctx)
        model = UnitModel(known.voice, _inventory(known, options, ctx.seed), options)
        model.borrowed = known.borrowed
        return model


def _inventory(known: Corpus, options: UnitOptions, seed: int) -> dict[str, np.ndarray]:
    """Return the units that are kept: of each sound of each speaker so many, drawn by chance, in the order of their keys."""
    held: dict[tuple[int, int], list[tuple[np.ndarray, np.ndarray]]] = {}
    rng = np.random.default_rng(seed)
    for n in rng.permutation(len(known.said)):
        said = known.said[int(n)]
        base, ends = said.units[:, 0], np.cumsum(said.frames)
        before, after = np.concatenate([[0], base[:-1]]), np.concatenate([base[1:], [0]])
        for k in range(len(base)):
            some = held.setdefault((said.speaker, int(base[k])), [])
            if said.frames[k] and len(some) < options.kept:
                key = np.array([*said.units[k], before[k], after[k]], np.int64)
                some.append((key, said.mel[ends[k] - said.frames[k] : ends[k]].astype(np.float16)))
    keys, frames, sizes, speakers, total = [], [], [], [], 0
    for (speaker, _), some in sorted(held.items()):
        for key, mel in some:
            if total < _MOST_FRAMES * max(1, len(known.voice.speakers)):
                keys.append(key)
                frames.append(mel)
                sizes.append(len(mel))
                speakers.append(speaker)
                total += len(mel)
    mean, lengths = averaged(known)
    return {
        "keys": np.array(keys), "frames": np.concatenate(frames), "sizes": np.array(sizes), "speakers": np.array(speakers),
        "mean": mean, "mean_frames": lengths,
    }  # fmt: skip


RECIPE = UnitSelection
