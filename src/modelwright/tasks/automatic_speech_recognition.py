"""Automatic speech recognition: a recording in, what is said in it out, with the times of the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from modelwright.core.answers.base import Answers, TargetCodec, as_objects
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.errors import DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.facts.base import Pair
from modelwright.core.judged import Judged, Metric
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import GeneratedTask, Section
from modelwright.core.words import Words
from modelwright.data.cues import text_of
from modelwright.data.spoken_pace import in_time
from modelwright.data.transcripts import read_transcripts
from modelwright.evaluate.metrics import speech as evaluate
from modelwright.evaluate.report import transcripts as report
from modelwright.features.shared.sample_speech import spoken_tones
from modelwright.features.shared.spoken_numbers import speaks
from modelwright.features.shared.transcript_rules import Rules, language_of, unspaced, words_of
from modelwright.models.word_ngrams import WordNgrams, is_arpa
from modelwright.tasks._recordings import TEXT, language_code, one_recording, plain, speaker_of

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig

_RULES = {
    "case": "case",
    "punctuation": "punctuation",
    "full_width": "width",
    "numbers": "numbers",
    "language": "language",
}
_SHOWN = 8  # rows that are named
_LEAST = 4  # speakers from which on they are kept apart


class TranscriptsCodec(ObjectsCodec):
    """Transcripts written by `rules`; an answer is {"text", "words", "seconds"}, of which people get the text."""

    def __init__(self, task: str, rules: Rules) -> None:
        super().__init__(task)
        self.rules = rules

    def encode(self, values: pa.Array) -> np.ndarray:
        return as_objects([None if v is None else self.rules.apply(v) for v in values.to_pylist()])

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        rows = scores[:, 0]
        sure = np.array(
            [np.mean([w["confidence"] for w in r["words"]]) if r["words"] else 1.0 for r in rows], np.float64
        )
        return Answers([r["text"] for r in rows], sure)

    def gist(self, answer: Any) -> Any:
        """Return a text by the rules: what is said of an answer counts by its words."""
        return self.rules.apply(answer) if isinstance(answer, str) else answer

    def answer_fields(self) -> dict[str, Any]:
        sure = {"confidence": (float, Field(ge=0, le=1)), "scores": (dict[str, Any] | None, None)}
        return {"prediction": (str, ...)} | sure

    def by_label(self, scores: np.ndarray) -> Any:
        """Return for each row of scores [N, 1] its words with their times, for who asks for scores."""
        return [{"words": r["words"], "seconds": r["seconds"]} for r in scores[:, 0]]

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        return as_objects([{"text": t, "words": [], "seconds": 0.0} for t in truth])[:, None]

    def state(self) -> dict[str, Any]:
        return {**super().state(), "rules": self.rules.to_json()}


class SpeechRecognition(GeneratedTask):
    """Word error rate ranks; character error rate where the script has no spaces."""

    name = "automatic-speech-recognition"
    title = Words("automatic speech recognition", "语音识别")
    inputs = frozenset({"audio"})
    targets = frozenset({"text"})
    metrics = evaluate.METRICS
    held_out = 1000
    tells_personal = True

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.01 if column.modality in self.targets else 0.0  # by name only: `typed` asks for recordings

    def read(
        self, source: Any, reading: Reading, events: EventStream | None = None
    ) -> tuple[pa.Table, Detected] | None:
        return read_transcripts(source, reading, events)

    def target_of(self, raw: pa.Table) -> str | None:
        return next((n for n in raw.column_names if plain(n) in TEXT), None)

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        """Return the schema with the recordings as the one input, and the speakers, who are never split, as a group."""
        target = schema.target
        _, changes = one_recording(schema, Words("not read by recognisers of speech", "语音识别不读取该列"))
        speaker = self._speaker(schema, config)
        if speaker is not None:
            changes[speaker] = {"role": "group", "modality": "id", "options": {}, "reason": None}
        if target is not None and config is not None:
            asked = {rule: getattr(config, k) for k, rule in _RULES.items() if getattr(config, k, None)}
            asked |= {"language": language_code(config.language)} if config.language else {}
            more = {"lm": str(Path(config.lm).resolve())} if config.lm else {}
            if more and not Path(config.lm).is_file():
                raise OptionError(f"There is no file {config.lm} for --lm.", f"找不到 --lm 的文件 {config.lm}。")
            changes[target.name] = {"options": {**target.options, "rules": asked, **more}}
        return schema.with_columns(changes)

    def kept(self, table: Table, config: RunConfig) -> tuple[Table, Words | None]:
        """Return the rows whose transcript holds a word and can be said in the time of its recording, and which others there are; what
        else there is to say of transcripts as well."""
        name = table.schema.target.name if table.schema.target else ""
        texts = table.column(name).to_pylist() if name else []
        spoken = np.array([t is None or any(c.isalnum() for c in t) for t in texts], bool)
        digits = _digits_stay(texts, config, name)
        if spoken.all() or not spoken.any():  # where there is none at all, fit_target says so
            some, slow = in_time(table)
            return some, _all_said(slow, digits)
        gone = [int(r) for r in table.rows[~spoken]]
        shown = ", ".join(map(str, gone[:_SHOWN])) + (" ..." if len(gone) > _SHOWN else "")
        some, slow = in_time(table.take(np.flatnonzero(spoken)))
        words = Words(
            f"Rows of {table.source} whose `{name}` holds no word are left out ({len(gone)}): {shown}.",
            f"{table.source} 的 `{name}` 中没有文字的行已略去（{len(gone)} 行）：{shown}。",
        )
        return some, _all_said(words, slow, digits)

    def _speaker(self, schema: Schema, config: RunConfig | None) -> str | None:
        named = getattr(config, "speaker", None)
        if named == "none" or (config is not None and config.group):
            return None
        if named is not None:
            return schema[named].name  # raises ColumnError with the nearest names
        target = schema.target.name if schema.target else None
        return speaker_of([n for n in schema.names if n != target])

    def units(self, table: Table) -> np.ndarray | None:
        """As Task.units: what one speaker said stays together, where there are some of them; recordings of other voices decide."""
        groups = [c.name for c in table.schema.of_role("group")]
        if not groups:
            return None
        names = [str(v) for v in table.column(groups[0]).to_pylist()]
        found: np.ndarray = np.unique(names, return_inverse=True)[1]
        return found if found.max(initial=0) + 1 >= _LEAST else None

    def ranks(self, table: Table) -> Metric:
        target = table.schema.target
        some = table.column(target.name).to_pylist()[:2000] if target is not None else []
        return self.metric("cer" if unspaced([v for v in some if v]) else "wer")

    def served(self, schema: Schema) -> Schema:
        """Return the columns that are read later; where files lay in training is nobody's business then."""
        columns = [replace(c, options={}) if c.role == "target" else c for c in schema if c.role in ("input", "target")]
        return Schema(tuple(columns))

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        texts = [v for v in values.to_pylist() if v is not None]
        rules = Rules.fit(texts, **dict(column.options.get("rules", {})))
        if not any(rules.apply(t) for t in texts):
            raise DataError(
                f"No transcript in column `{column.name}` holds a word that can be spoken.",
                f"列 `{column.name}` 中没有任何可读出的文字。",
            )
        if column.options.get("lm"):
            _check_language_model(Path(column.options["lm"]), rules)
        return TranscriptsCodec(self.name, rules)

    def restore_target(self, state: Mapping[str, Any]) -> TargetCodec:
        return TranscriptsCodec(self.name, Rules.from_json(state["rules"]))

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Return CTC's loss of frames (`models/speech.py`), or the mean cross entropy of units: outputs [M, V], truth [M]."""
        if isinstance(outputs, Mapping):
            from modelwright.models.speech import ctc_loss

            return ctc_loss(outputs, truth, smoothing=smoothing, row_weight=row_weight)
        return super().loss(outputs, truth, smoothing=smoothing, class_weight=class_weight, row_weight=row_weight)

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        target = develop.schema.target
        learnt = () if target is None else judged.target.encode(develop.column(target.name)).tolist()
        return report.sections(judged, test, learnt)

    def told(self, model: Model) -> list[list[Pair]]:
        return []

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        recordings, texts, speakers = spoken_tones(rows, seed)
        return pa.table(
            {"recording": pa.array(recordings, pa.large_binary()), "text": texts, "speaker": speakers}
        ), "text"


TASK = SpeechRecognition


def _all_said(*told: Words | None) -> Words | None:
    """Return what is said one after the other; None where there is nothing."""
    some = [w for w in told if w is not None]
    return Words(" ".join(w.en for w in some), "".join(w.zh for w in some)) if some else None


def _digits_stay(texts: Sequence[str | None], config: RunConfig, name: str) -> Words | None:
    """Return what is to be said of transcripts whose digits stay digits, though they are to be written as they are spoken; None where none do.

    Where all transcripts are digits alone, these are their words.
    """
    filled = [t for t in texts if t]
    some = [t for t in filled if any(c.isdecimal() for c in t)]
    if not some or getattr(config, "numbers", "spoken") != "spoken" or not any(c.isalpha() for t in filled for c in t):
        return None
    language = language_code(getattr(config, "language", None)) or language_of(filled)
    if speaks(language):
        return None
    where = Words(
        f"{len(some)} of {len(texts)} transcripts in `{name}` hold digits",
        f"`{name}` 的 {len(texts)} 条转写中有 {len(some)} 条含有数字",
    )
    if language:
        return Words(
            f"{where.en}, and numbers of the language `{language}` cannot be written in words here: they stay digits, in training and in every score. Write them as they are spoken.",
            f"{where.zh}，而此处无法把语言 `{language}` 的数字写成文字：训练和评分时都保留数字。请按读法写出。",
        )
    return Words(
        f"{where.en}, and their language cannot be told: they stay digits, in training and in every score. Name the language with --language, such as de or fr, and they are written as they are spoken.",
        f"{where.zh}，但无法判断其语言：训练和评分时都保留数字。请用 --language 指定语言（如 de、fr），数字即按读法写出。",
    )


def _check_language_model(path: Path, rules: Rules) -> None:
    """Raise OptionError where a file for --lm holds no language model, before anything is trained.

    An ARPA file is read whole, of a text no more than is needed to find a word.
    """
    lines = text_of(path).splitlines()
    try:
        if is_arpa(lines):
            WordNgrams.read(lines, str(path))
            return
    except DataError as e:
        raise OptionError(f"--lm: {e.words.en}", f"--lm：{e.words.zh}") from e
    if not any(words_of(rules.apply(line)) for line in lines):
        raise OptionError(
            f"{path} for --lm holds no word. Give a text, a sentence a line, or an ARPA file.",
            f"--lm 的文件 {path} 中没有任何词。请给出每行一句的文本或 ARPA 文件。",
        )
