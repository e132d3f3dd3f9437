"""What the recipes that read aloud share: texts to sentences to sound, options of a request, how they are judged.

Legend: N rows, L sounds of a sentence, T samples, S frames of 10 ms, M mel bands.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.answers.media import file_json
from modelwright.core.errors import DataError, OptionError, unknown
from modelwright.core.recipe import Estimate, FitContext, Model, Options, Recipe
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.data.kinds.audio import MOST_SECONDS
from modelwright.data.provenance import marked_wav
from modelwright.features.shared.aloud.asked import PAUSES_TIMES, SPEEDS, TONES
from modelwright.features.shared.aloud.reader import PAUSES, Sentence, Sound
from modelwright.features.shared.aloud.ssml import is_ssml, pieces, voices_of
from modelwright.features.shared.speech import FRAME, samples_of
from modelwright.models.spoken_likeness import figures
from modelwright.recipes.shared.speech_judge import heard
from modelwright.recipes.shared.synthesis_corpus import Corpus, Voice, columns_of, corpus, corpus_key

TASKS = frozenset({"text-to-speech"})
_TOGETHER = 32  # rows
_SHOWN = 20  # signs
_READING, _SAYING = 0.03, 0.01  # processor seconds by training row
_LONGEST_SOUND = 60  # frames of one sound at most, whatever a network says


@dataclass(frozen=True)
class Asked:
    """What is asked for: a speaker, how many times as fast, how many semitones higher, how many times as long pauses."""

    voice: str | None = None
    speed: float = 1.0
    pitch: float = 0.0
    pause: float = 1.0


@dataclass(frozen=True)
class Plan:
    """A sentence as a model says it: units [L, 3], and for each its rate, pitch in semitones, and frames where they are told (else -1)."""

    units: np.ndarray
    rate: np.ndarray
    pitch: np.ndarray
    told: np.ndarray
    speaker: int


@dataclass(frozen=True)
class Part:
    """A sentence that was spoken: samples float32 [T], and what of its text could not be said."""

    samples: np.ndarray
    unsaid: tuple[str, ...] = ()


class VoiceOptions(Options):
    """`language` of the texts, such as en, zh, de; empty to tell it from them."""

    language: str = Field(default="", max_length=12)


class ReadingModel(Model):
    """A model that reads texts aloud, sentence by sentence."""

    def __init__(self, voice: Voice) -> None:
        self.voice = voice
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []

    @property
    def rate(self) -> int:
        """Samples a second of what it says."""
        return self.voice.front.rate

    @abstractmethod
    def _part(self, sentence: Sentence, asked: Asked) -> Part:
        """Return a sentence as it is spoken."""

    def speak(self, text: str, asked: Asked | None = None) -> Iterator[Part]:
        """Yield the sentences of a text or SSML one after the other, so that memory does not grow with it.

        Raises DataError for SSML that cannot be read, OptionError for a speaker who is not known.
        """
        asked = asked or Asked()
        for sentence in self.voice.reader.read(text):
            yield self._part(sentence, asked)

    def said(self, table: Table) -> Iterator[np.ndarray | None]:
        """Yield the samples of each row, float32 [T]; None for a row without a text. Words are looked up for some rows together."""
        rows = list(_asked_by_row(table, self.voice))
        for at in range(0, len(rows), _TOGETHER):
            some = rows[at : at + _TOGETHER]
            read = self.voice.reader.read_all([text or "" for text, _ in some])
            for (text, asked), sentences in zip(some, read, strict=True):
                parts = [self._part(s, asked).samples for s in sentences]
                yield None if text is None else np.concatenate([np.zeros(0, np.float32), *parts])

    def speaker(self, name: str | None) -> int:
        """Return the number of a speaker; the first one where none is asked for. Raises OptionError for one who is not known."""
        if name is None or not self.voice.speakers:
            return 0
        if name not in self.voice.speakers:
            raise self._nobody(name)
        return self.voice.speakers.index(name)

    def _nobody(self, name: str) -> OptionError:
        """Return what says that nobody of this name speaks here, and who does."""
        if self.voice.speakers:
            return cast(OptionError, unknown(Words("voice", "声音"), name, list(self.voice.speakers), OptionError))
        return OptionError(
            f"There is no voice `{name[:60]}`: this model has one voice, without a name.",
            f"没有声音 `{name[:60]}`：该模型只有一个未命名的声音。",
        )

    def refused(self, table: Table) -> list[tuple[int, str, Words]]:
        """As Model.refused: speakers who are not known, named in the column of speakers or in SSML."""
        out = []
        for column in (self.voice.speaker, self.voice.text):
            cells = table.column(column).to_pylist() if column and column in table.data.column_names else []
            for row, cell in enumerate(cells):
                names = [] if cell is None else [str(cell)] if column == self.voice.speaker else voices_of(str(cell))
                name = next((n for n in names if n not in self.voice.speakers), None)
                if name is not None and (column == self.voice.speaker or self.voice.speakers):
                    said = self._nobody(name).words
                    out.append((row, column, Words(said.en.rstrip("."), said.zh.rstrip("。"))))
        return out

    def left_out(self, table: Table) -> list[tuple[int, str, Words]]:
        """As Model.left_out: the signs of each text that have no sound, and what this voice has none for."""
        column = self.voice.text
        cells = table.column(column).to_pylist() if column in table.data.column_names else []
        out = []
        for at in range(0, len(cells), _TOGETHER):
            some = cells[at : at + _TOGETHER]
            for row, sentences in enumerate(self.voice.reader.read_all([_readable(c) for c in some]), at):
                signs = list(dict.fromkeys(c for s in sentences for c in (*s.unsaid, *self.strange(s.sounds))))
                if signs:
                    shown = " ".join(signs[:_SHOWN]) + (" ..." if len(signs) > _SHOWN else "")
                    words = Words(
                        f"what this voice cannot speak is left out: {shown}", f"该声音无法读出的内容已略去：{shown}"
                    )
                    out.append((row, column, words))
        return out

    def strange(self, sounds: Sequence[Sound]) -> list[str]:
        """Return which sounds of a sentence [L] the voice does not know, nor any like them."""
        return []

    def scores(self, table: Table) -> np.ndarray:
        """As Model.scores: a WAV for each row; None where there is nothing to say."""
        out: list[Any] = []
        for samples, (_, asked) in zip(self.said(table), _asked_by_row(table, self.voice), strict=True):
            how = {"recipe": self.recipe, **({"voice": asked.voice} if asked.voice else {})}
            made = None if samples is None or not len(samples) else marked_wav(samples, self.rate, how)
            out.append(None if made is None else file_json("audio/wav", made))
        return as_objects(out)[:, None]

    def judge(self, table: Table) -> np.ndarray:
        """Return how near what is said comes to each recording [N, 1]; every sound is let go once it was compared."""
        target = table.schema.target
        assert target is not None
        out: list[Any] = []
        texts = table.column(self.voice.text).to_pylist()
        for text, made, cell in zip(texts, self.said(table), table.column(target.name), strict=True):
            if made is None or not cell.is_valid:
                out.append(None)
                continue
            wanted = samples_of(cell.as_py(), self.rate, MOST_SECONDS)
            found = figures(made, wanted, self.rate)
            out.append({"figures": found | heard(made, self.rate, str(text))} if found else None)
        return as_objects(out)[:, None]

    def save(self, folder: Path) -> None:
        write_state(folder, {"voice": self.voice.to_json(), "extent": self.extent, **self.own(folder)})

    @abstractmethod
    def own(self, folder: Path) -> dict[str, Any]:
        """Write what the model has of its own into the folder, and return its JSON values."""

    @classmethod
    @abstractmethod
    def restored(cls, voice: Voice, state: dict[str, Any], folder: Path) -> Self:
        """Make the model of what `own` wrote and gave."""

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Self:
        with Loading(folder):
            state = read_state(folder)
            out = cls.restored(Voice.from_json(state["voice"]), state, folder)
            out.extent = dict(state["extent"])
            return out


class VoiceModel(ReadingModel):
    """A model that says a sentence from the sounds it has learnt, as a plan lays them out."""

    @abstractmethod
    def sound(self, plan: Plan) -> np.ndarray:
        """Return samples float32 [T] of a sentence."""

    def _part(self, sentence: Sentence, asked: Asked) -> Part:
        units, places, unknown = self.voice.inventory.encode(sentence.sounds)
        unsaid = (*sentence.unsaid, *dict.fromkeys(unknown))
        if all(sentence.sounds[p].base in PAUSES and not sentence.sounds[p].seconds for p in places):
            return Part(np.zeros(0, np.float32), unsaid)
        sounds = [sentence.sounds[p] for p in places]
        told = [-1 if s.seconds is None else round(s.seconds / FRAME) for s in sounds]
        plan = Plan(
            np.array(units, np.int64), np.array([s.rate * asked.speed for s in sounds]),
            np.array([s.pitch + asked.pitch for s in sounds]), np.array(told),
            self.speaker(sentence.voice or asked.voice),
        )  # fmt: skip
        return Part(self.sound(self._paused(plan, asked)), unsaid)

    def strange(self, sounds: Sequence[Sound]) -> list[str]:
        return self.voice.inventory.encode(sounds)[2]

    def _paused(self, plan: Plan, asked: Asked) -> Plan:
        return plan if asked.pause == 1.0 else Plan(plan.units, np.where(plan.units[:, 0] <= 5, plan.rate / max(asked.pause, 0.01), plan.rate), plan.pitch, plan.told, plan.speaker)  # fmt: skip

    def frames(self, plan: Plan, seconds: np.ndarray) -> np.ndarray:
        """Return whole frames of each unit [L], from how long each would be by itself, in frames [L]."""
        wanted = np.clip(seconds / plan.rate, 0, _LONGEST_SOUND)
        least = np.where(plan.units[:, 0] > 5, 1, 0)
        out = np.maximum(np.diff(np.round(np.cumsum(wanted)), prepend=0), least)
        return np.where(plan.told >= 0, plan.told, out).astype(np.int64)


def _readable(cell: Any) -> str:
    """Return a text; none where it is SSML that cannot be read, which is told elsewhere."""
    text = str(cell or "")
    try:
        if is_ssml(text):
            pieces(text)
    except DataError:
        return ""
    return text


def _asked_by_row(table: Table, voice: Voice) -> Iterator[tuple[str | None, Asked]]:
    """Yield the text of each row, and how it is to be said."""
    columns = (table.cells(n) for n in (voice.text, voice.speaker, "speed", "pitch", "pause"))
    for text, who, speed, tone, pause in zip(*columns, strict=True):
        known = str(who) if who is not None and str(who) in voice.speakers else None
        yield (
            text,
            Asked(known, _within(speed, 1.0, SPEEDS), _within(tone, 0.0, TONES), _within(pause, 1.0, PAUSES_TIMES)),
        )


def _within(value: Any, usual: float, limits: tuple[float, float]) -> float:
    return usual if value is None or not np.isfinite(value) else float(np.clip(value, *limits))


class VoiceRecipe(Recipe):
    """A recipe for texts and recordings of them."""

    tasks = TASKS
    leads = ""
    needs: ClassVar[tuple[str, ...]] = ("soundfile", "soxr")
    extra = "speech"
    baseline = False
    options: ClassVar[type[Options]] = VoiceOptions
    space: ClassVar[dict[str, Any]] = {}
    model: ClassVar[type[Model]]

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return None if columns_of(schema)[0] else Words("there is no column of texts", "没有文本列")

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [self.options()]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        # reading and aligning, where no other recipe has done it, and saying the validation rows through Griffin-Lim
        assert isinstance(options, VoiceOptions)
        known = corpus_key(train, options.language) in ctx.encoded
        each = (_SAYING if known else _READING) * len(train)
        return Estimate(2.0 + each, 500 << 20, least=1.0 + each)

    def corpus(self, train: Table, options: Options, ctx: FitContext) -> Corpus:
        """Return the training rows as they are learnt."""
        assert isinstance(options, VoiceOptions)
        return corpus(train, ctx, options.language)
