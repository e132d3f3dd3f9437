"""Recordings with the units of their transcripts laid over them: by Gaussians of sounds at first, then by what a network hears.

Legend: S frames of 10 ms, V units with the blank, C sounds, P parts of a unit, L units of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.core.errors import DataError
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Table
from modelwright.features.shared.speech import FRAME, Front, samples_of, speaking
from modelwright.features.shared.speech_units import Units, suited
from modelwright.models import ctc
from modelwright.models.forced_alignment import Aligner, looks
from modelwright.models.unit_states import pairs
from modelwright.recipes.speech._ctc_recipe import language_of
from modelwright.recipes.speech._speech import column_of
from modelwright.recipes.speech._states import (
    PARTS,
    PRIOR,
    HybridOptions,
    classes,
    heights,
    network_of,
    tones_of,
)

_LAYING, ROUNDS = 30_000, 8  # frames that the aligner learns from, five minutes, and its rounds
_PRIVATE = frozenset({"words", "pieces", "pinyin"})  # a pair of these that came once may tell who said it
_SHORT = 3.0  # seconds: recordings of words and commands, which are joined


class Laid:
    """Recordings with the units that are laid over their frames."""

    def __init__(
        self,
        front: Front,
        units: Units,
        rows: list[Any],
        ids: list[np.ndarray],
        texts: list[str],
        options: HybridOptions,
    ) -> None:
        self.front, self.units, self.rows, self.ids, self.texts, self.options = front, units, rows, ids, texts, options

    @classmethod
    def of(
        cls,
        train: Table,
        texts: Sequence[str],
        options: HybridOptions,
        ctx: FitContext,
        rounds: int,
        tell: bool = False,
    ) -> Laid:
        """Read recordings and lay the units of their transcripts over them; made once for the same rows and options. Raises DataError where none can be learnt from."""
        key = ("hybrid", len(train), hash(train.rows.tobytes()), options.units, options.pieces, options.bands, rounds)
        if key not in ctx.cache:
            ctx.cache[key] = read_and_laid(train, texts, options, ctx, rounds, tell)
        front, units, rows, ids, kept = ctx.cache[key]
        join = options.join
        if join is None:
            short = float(np.median([len(r.mel) for r in rows])) * FRAME < _SHORT
            join = 0.6 if short and units.kind == "words" else 0.1
        return cls(front, units, rows, ids, kept, options.model_copy(update={"join": join}))

    def network(self) -> Any:
        """Return a network that has learnt nothing but the mean and the deviation of each band."""
        import torch

        out = network_of(self.front, self.units, self.options)
        index = np.random.default_rng(0).permutation(len(self.rows))[:256]
        frames = np.concatenate([self.rows[int(i)].mel for i in index])
        out.mean.copy_(torch.from_numpy(frames.mean(0)))
        out.std.copy_(torch.from_numpy(np.maximum(frames.std(0), 0.5)))
        return out

    def again(self, network: Any) -> Laid:
        """Return these with their units laid anew, by what a network hears: it tells sounds apart better than a Gaussian for each does."""
        import torch

        from modelwright.train.labelled_frames import Told

        parts, sound, tone = PARTS[self.units.kind], self.units.sounds(), tones_of(self.units)
        rows, prior = [], PRIOR * self.prior()[0]
        device = network.mean.device
        network.eval()
        with torch.inference_mode():
            for row, mine in zip(self.rows, self.ids, strict=True):
                tensors = {
                    "mel": torch.from_numpy(row.mel[None]).to(device), "pitch": torch.from_numpy(row.pitch[None]).to(device),
                    "lengths": torch.tensor([len(row.mel)], device=device),
                }  # fmt: skip
                logs = network(tensors)["sounds"][0].log_softmax(dim=1).cpu().numpy().astype(np.float64) - prior
                own = np.concatenate([[0], (1 + sound[mine][:, None] * parts + np.arange(parts)).ravel()])
                places = ctc.aligned(logs[:, own], list(range(1, len(own))))
                rows.append(Told(row.mel, row.pitch, *_laid_over(len(row.mel), places, sound[mine], tone[mine], parts)))
        return Laid(self.front, self.units, rows, self.ids, self.texts, self.options)

    def feed(self, least: int) -> Any:
        """Return the feed of these recordings."""
        from modelwright.train.labelled_frames import ToldFeed

        return ToldFeed(self.rows, self.options, self.front.rate, least)

    def prior(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the log shares of frames of silence and parts of sounds [1 + C P], and of tones [6]."""
        sound = np.bincount(np.concatenate([r.sound for r in self.rows]), minlength=classes(self.units)) + 5.0
        tone = np.bincount(np.concatenate([r.tone for r in self.rows]), minlength=6) + 5.0
        return np.log(sound / sound.sum()).astype(np.float32), np.log(tone / tone.sum()).astype(np.float32)

    def after(self) -> np.ndarray:
        """Return what unit follows which [V, V]: of transcripts of one unit nothing is known, and any may follow any."""
        size = self.units.size
        if float(np.mean([len(i) for i in self.ids])) < 1.5:
            return np.full((size, size), 1.0 / size, np.float32)
        return pairs([i.tolist() for i in self.ids], size, 2 if self.units.kind in _PRIVATE else 1)


def read_and_laid(
    train: Table, texts: Sequence[str], options: HybridOptions, ctx: FitContext, rounds: int, tell: bool
) -> tuple[Any, ...]:
    from modelwright.train.labelled_frames import Told

    name = column_of(train.schema) or ""
    values = train.column(name)
    front = Front.fit(values, train.schema[name].options, options.bands)
    language = language_of(ctx)
    kind = suited(texts, language, phonemes=True)[0] if options.units == "auto" else options.units
    units = Units.fit(texts, kind, options.pieces, language)
    ragged = units.encode(texts)
    parts, toned = PARTS[units.kind], bool(tones_of(units).any())
    sound, tone = units.sounds(), tones_of(units)
    mels, heard, ids, kept, gone = [], [], [], [], 0
    for i in range(len(train)):
        samples = samples_of(values[i].as_py(), front.rate, options.longest)
        mine = ragged.values[ragged.offsets[i] : ragged.offsets[i + 1]]
        fits = (
            len(mine)
            and len(samples) < int(options.longest * front.rate) - 1
            and front.count(len(samples)) > 1.1 * parts * len(mine)
        )
        if not fits or not len(samples):
            gone += 1
            continue
        mel = front.frames(samples)
        mels.append(mel)
        heard.append(heights(samples, front, len(mel), toned))
        ids.append(mine)
        kept.append(texts[i])
    if not mels:
        raise DataError(
            f"No recording can be learnt from: all {gone} are longer than {options.longest:g} s, or shorter than their transcripts take. "
            "Cut long recordings at their sentences (SRT, VTT, TextGrid or CTM beside them).",
            f"没有可学习的录音：全部 {gone} 段超过 {options.longest:g} 秒，或时长不足以说完转写文本。请按句切分长录音（在旁边放 SRT、VTT、TextGrid 或 CTM）。",
        )
    if gone and tell:
        ctx.events.note(
            f"{ctx.name}: {gone} of {len(train)} recordings are not learnt from: longer than {options.longest:g} s, or too short for their text.",
            f"{ctx.name}：{len(train)} 段录音中有 {gone} 段不用于学习：超过 {options.longest:g} 秒，或时长不足以说完其文本。",
        )
    around = [looks(m) for m in mels]
    around = [x - x.mean(0) for x in around]
    some, total = [], 0
    for i in np.random.default_rng(0).permutation(len(mels)):
        some.append(int(i))
        total += len(mels[i])
        if total > _LAYING:
            break
    aligner = Aligner.fit(
        [around[i] for i in some],
        [~speaking(mels[i]) for i in some],
        [sound[ids[i]] for i in some],
        int(sound.max()) + 1,
        rounds,
        parts,
    )
    rows = []
    for mel, high, x, mine in zip(mels, heard, around, ids, strict=True):
        laid = _laid_over(len(mel), aligner.places(x, sound[mine]), sound[mine], tone[mine], parts)
        rows.append(Told(mel, high, *laid))
    return front, units, rows, ids, kept


def _laid_over(
    frames: int, places: np.ndarray, sound: np.ndarray, tone: np.ndarray, parts: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes of sounds and the tones of frames, each int64 [S], of where the parts of units lie [L P, 2], their sounds [L] and tones [L]."""
    of, tones = np.zeros(frames, np.int64), np.zeros(frames, np.int64)
    for k, (a, b) in enumerate(places):
        if a >= 0:
            of[a : b + 1] = 1 + sound[k // parts] * parts + k % parts
            tones[a : b + 1] = tone[k // parts]
    return of, tones
